package host

import (
	"context"
	"sync"
)

// Background runs work that actors start and do not wait for, at most once at a
// time for each name. The zero value is ready.
type Background struct {
	mu      sync.Mutex
	cancels map[string]context.CancelFunc
	closed  bool
	wg      sync.WaitGroup
}

// Go runs work on a goroutine of its own, unless there is some for that name
// already, or the Background is closed. Its context ends with Close.
func (b *Background) Go(name string, work func(context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.cancels[name] != nil {
		return
	}
	if b.cancels == nil {
		b.cancels = make(map[string]context.CancelFunc)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancels[name] = cancel
	b.wg.Go(func() {
		defer func() {
			b.mu.Lock()
			delete(b.cancels, name)
			b.mu.Unlock()
			cancel()
		}()
		work(ctx)
	})
}

// Close ends what runs and waits for it. Safe to call twice.
func (b *Background) Close() {
	b.mu.Lock()
	b.closed = true
	for _, cancel := range b.cancels {
		cancel()
	}
	b.mu.Unlock()
	b.wg.Wait()
}
