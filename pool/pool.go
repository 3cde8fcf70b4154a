package pool

import (
	"context"
	"sync"
	"time"
)

const (
	reapEvery = 5 * time.Second        // an idle goroutine ends after one to two of these
	patience  = 100 * time.Millisecond // a slot is kept this long for a group that was told, while others wait
)

// A Pool bounds how many tasks run at once, in all of its groups together. All
// methods can be called from any goroutine.
type Pool struct {
	limit int

	mu     sync.Mutex // never held while a function of the user runs
	closed bool

	held     int      // slots that groups have taken, with or without a task
	reserved int      // slots kept for groups that were told: len(told)
	told     []*Group // that have not come yet, the longest waiting first
	line     line     // groups that wait for a slot of the pool
	lapse    timer    // takes back what is kept for a group that does not come

	workers []*worker // all
	idle    []*worker // the last one is the warmest
	low     int       // as many of idle, from the left, were not used since the last reap
	reap    timer

	counters
	quiet chan struct{} // closed when nothing runs; nil when nobody waits

	due       []*Running // stuck, to be reported
	reporting bool
	nextLook  time.Time // at all stacks, not before; only the one who reports uses it
}

// Stats is what runs now, and what has run.
type Stats struct {
	Running int // tasks whose Do or Done has not returned. Of a group: without those in Done that keep their slot, which the pool may have beyond Limit
	Limit   int // of the pool, 0 without one; of a group its Workers
	Stuck   int // of Running: those that were found stuck

	StuckTotal uint64 // tasks ever found stuck
	Panics     uint64 // in Do, Done and OnStuck
	Started    uint64 // tasks
}

type counters struct {
	running, stuck              int
	stuckTotal, panics, started uint64
}

func (c *counters) stats(limit int) Stats {
	return Stats{
		Running: c.running, Limit: limit, Stuck: c.stuck,
		StuckTotal: c.stuckTotal, Panics: c.panics, Started: c.started,
	}
}

// New returns a pool with limit slots for all of its groups together. With 0
// there are only the groups' own limits. It starts no goroutine.
func New(limit int) *Pool { return &Pool{limit: max(limit, 0)} }

// Stats returns the counters of all groups together. It does not block.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats(p.limit)
}

// CancelAll is Running.Cancel for all tasks that Go has started. It does not
// concern tasks that start later: stop starting them first.
func (p *Pool) CancelAll(cause error) {
	p.mu.Lock()
	workers := append([]*worker(nil), p.workers...)
	p.mu.Unlock()
	for _, w := range workers {
		w.cancel(nil, cause)
	}
}

// Wait blocks until nothing runs, and returns nil then, or until ctx ends, and
// returns its error. Slots that are taken and not used are no matter.
func (p *Pool) Wait(ctx context.Context) error {
	p.mu.Lock()
	if p.running == 0 {
		p.mu.Unlock()
		return nil
	}
	if p.quiet == nil {
		p.quiet = make(chan struct{})
	}
	quiet := p.quiet
	p.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the goroutines that are idle; those that run a task end when it
// returns. It neither waits for tasks nor cancels them: for that are CancelAll
// and Wait. After Close TryAcquire gives nothing and OnFree is not called. Slots
// that were taken before can still be used, and given back. Closing twice is fine.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.retire(len(p.idle))
	p.reap.stop()
	p.lapse.stop()
}

// timer is a time.AfterFunc that is made when first needed. The pool's mutex guards it.
type timer struct {
	t     *time.Timer
	armed bool
}

func (t *timer) arm(d time.Duration, f func()) {
	t.armed = true
	if t.t == nil {
		t.t = time.AfterFunc(d, f)
	} else {
		t.t.Reset(d)
	}
}

func (t *timer) stop() {
	t.armed = false
	if t.t != nil {
		t.t.Stop()
	}
}
