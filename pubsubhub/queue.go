package pubsubhub

import "sync"

// queue hands everything that waits to its one taker. Putting never blocks: what is put is bounded by who puts (callers
// that wait for an answer, two batches per connection), and the owner may itself be the one who puts (a filter that closes
// its subscription).
type queue[T any] struct {
	wake chan struct{} // capacity 1: something may wait

	mu      sync.Mutex
	waiting []T
	spare   []T
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{wake: make(chan struct{}, 1)}
}

func (q *queue[T]) put(v T) {
	q.mu.Lock()
	q.waiting = append(q.waiting, v)
	q.mu.Unlock()
	signal(q.wake)
}

// take returns what waits, in order. The slice is the taker's until its next take.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.spare)
	taken := q.waiting
	q.waiting, q.spare = q.spare[:0], taken
	return taken
}

func signal(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
