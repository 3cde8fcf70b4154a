package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// ErrTimeout is the cause with which the context of a task ends after its Timeout.
var ErrTimeout = errors.New("pool: timeout")

// ErrGoexit is what Done gets if Do ended its goroutine with runtime.Goexit.
var ErrGoexit = errors.New("pool: the task called runtime.Goexit")

// Task is what Go runs.
type Task struct {
	// Name says what it is, in reports of stuck tasks.
	Name string
	// Timeout is how long it may run: then its context ends with cause ErrTimeout.
	// 0 is without end.
	Timeout time.Duration
	// Do does the work. Its context ends by Timeout, Cancel and CancelAll, and
	// context.Cause tells which; also when the task is over. A panic becomes a
	// *PanicError.
	Do func(ctx context.Context) error
	// Done, if not nil, gets what Do returned. It is called on the same goroutine,
	// before the slot is free. Its panics are counted, but nobody else hears of them.
	Done func(err error)
	// Keep says that the slot does not get free: when Done is called it belongs to
	// whoever started the task, as TryAcquire would have given it.
	Keep bool
}

// PanicError is what Done gets if Do panics.
type PanicError struct {
	Value any    // what Do called panic with
	Stack []byte // of the goroutine that panicked, then
}

// Error has the value, not the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("pool: panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Running is a task that Go has started.
type Running struct {
	task    Task
	group   *Group
	worker  *worker
	ctx     taskContext
	started time.Time

	// The worker's mutex guards these.
	ended    bool // the context, before Do returned
	returned bool // Do

	// Only the task's goroutine uses it.
	panics uint64

	// The pool's mutex guards these.
	stuck bool
	kept  bool // the slot has been handed back
	over  bool // Done has returned
}

func newRunning(g *Group, t Task) *Running {
	r := &Running{task: t, group: g, started: time.Now()}
	if t.Timeout > 0 {
		r.ctx.deadline = r.started.Add(t.Timeout)
	}
	return r
}

// Cancel ends the context of the task with that cause; nil is context.Canceled.
// The slot stays taken until Do and Done return. It does nothing if the context
// has ended already or Do has returned. It does not block.
func (r *Running) Cancel(cause error) { r.worker.cancel(r, cause) }

// do calls Do and turns a panic into an error. runtime.Goexit passes through it.
func (r *Running) do() (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.panics++
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return r.task.Do(&r.ctx)
}

// handBack gives the slot of a task with Keep to whoever started it.
func (r *Running) handBack() {
	if !r.task.Keep {
		return
	}
	g := r.group
	g.pool.mu.Lock()
	r.kept = true
	g.running--
	g.unused++
	g.pool.mu.Unlock()
}

// finish calls Done.
func (r *Running) finish(err error) {
	if r.task.Done == nil {
		return
	}
	defer func() {
		if recover() != nil {
			r.panics++
		}
	}()
	r.task.Done(err)
}
