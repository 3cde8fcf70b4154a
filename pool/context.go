package pool

import (
	"context"
	"sync"
	"time"
)

// taskContext is the context of a task. With the context package alone a task with a
// timeout would take a cancel context, a deadline context inside it with a timer, and
// an AfterFunc to notice that it ended: three times the cost of all else that a task
// needs. Here the worker's timer ends the context, and what only some tasks ask for
// is made when they ask.
//
// Contexts derived from this one do not register with the embedded kind of the context
// package, since its Done is another one; they use AfterFunc, and so get the right Err.
type taskContext struct {
	deadline time.Time // zero: none

	mu       sync.Mutex
	err      error
	cause    error
	done     chan struct{}   // nil until somebody asks
	tells    context.Context // the cause, to context.Cause, which finds it by Value
	setCause context.CancelCauseFunc
	after    map[*func()]struct{}
}

// closed is the Done of contexts that had ended before somebody asked.
var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (c *taskContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func (c *taskContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		if c.err != nil {
			return closed
		}
		c.done = make(chan struct{})
	}
	return c.done
}

func (c *taskContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value has no values of its own.
func (c *taskContext) Value(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tells == nil {
		c.tells, c.setCause = context.WithCancelCause(context.Background())
		if c.err != nil {
			c.setCause(c.cause)
		}
	}
	return c.tells.Value(key)
}

// AfterFunc is what the context package looks for in a context that it does not
// know. f, which is of that package, does not block.
func (c *taskContext) AfterFunc(f func()) (stop func() bool) {
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

// end ends the context; the first call counts.
func (c *taskContext) end(cause error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	if cause == nil {
		cause = context.Canceled
	}
	c.err, c.cause = context.Canceled, cause
	if cause == ErrTimeout {
		c.err = context.DeadlineExceeded
	}
	if c.tells != nil {
		c.setCause(cause)
	}
	if c.done != nil {
		close(c.done)
	}
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for f := range after {
		(*f)()
	}
}
