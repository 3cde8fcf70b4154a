package pool

import (
	"context"
	"sync"
	"time"
)

// timedContext is the context of a task with a timeout. With the context package
// alone it would take a cancel context, a deadline context inside it with a timer,
// and an AfterFunc to notice that it ended: three times the cost of all else that
// a task needs. Here the worker's timer ends the context.
//
// The embedded context is for context.Cause only, which finds it by Value. Contexts
// derived from this one do not register with it, since its Done is another one;
// they use AfterFunc, and so get the right Err.
type timedContext struct {
	context.Context
	setCause context.CancelCauseFunc
	deadline time.Time
	done     chan struct{}

	mu    sync.Mutex
	err   error
	after map[*func()]struct{}
}

func newTimedContext(deadline time.Time) *timedContext {
	c := &timedContext{deadline: deadline, done: make(chan struct{})}
	c.Context, c.setCause = context.WithCancelCause(context.Background())
	return c
}

func (c *timedContext) Deadline() (time.Time, bool) { return c.deadline, true }
func (c *timedContext) Done() <-chan struct{}       { return c.done }

func (c *timedContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc is what the context package looks for in a context that it does not
// know. f, which is of that package, does not block.
func (c *timedContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	if c.after == nil {
		c.after = make(map[*func()]struct{})
	}
	c.after[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, found := c.after[&f]
		delete(c.after, &f)
		return found
	}
}

func (c *timedContext) end(cause error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = context.Canceled
	if cause == ErrTimeout {
		c.err = context.DeadlineExceeded
	}
	c.setCause(cause)
	close(c.done)
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for f := range after {
		(*f)()
	}
}
