package pool

import (
	"context"
	"testing"
	"time"
)

// waitFor is a Do that ends when end has something, whatever its context does.
func waitFor(end <-chan error) func(context.Context) error {
	return func(context.Context) error { return <-end }
}

// untilEnd is a Do that returns with the cause of its context.
func untilEnd(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// sleep is a Do that takes some time.
func sleep(d time.Duration) func(context.Context) error {
	return func(context.Context) error { time.Sleep(d); return nil }
}

// start takes a slot and runs a task in it.
func start(t *testing.T, g *Group, task Task) *Running {
	t.Helper()
	if g.TryAcquire(1) != 1 {
		t.Fatal("no slot")
	}
	return g.Go(task)
}

// workers is the number of goroutines.
func workers(p *Pool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.workers)
}
