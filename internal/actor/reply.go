package actor

import (
	"context"
	"fmt"
	"sync/atomic"
)

// The states of a Reply. The owner moves waiting → running → answered, and
// running → waiting when it finds that nothing was sent after all. The caller
// moves waiting or running → left.
const (
	waiting uint32 = iota
	running
	answered
	left
)

var errEnded = fmt.Errorf("%w (the owner ended)", ErrOutcomeUnknown)

// Reply is where one command's answer goes. Init makes it usable; embed it in
// the command and do not copy it.
type Reply[T any] struct {
	state atomic.Uint32
	ready chan struct{}
	value T
	err   error
}

// Init makes the reply usable: one that is new, or that was answered. Call it before
// the command is sent.
func (r *Reply[T]) Init() {
	var none T
	r.value, r.err = none, nil
	r.state.Store(waiting)
	if r.ready == nil {
		r.ready = make(chan struct{}, 1)
	}
}

// Answered reports, once Wait has returned, that it returned the owner's answer: the
// owner has no use for the command any more.
func (r *Reply[T]) Answered() bool { return r.state.Load() == answered }

// Reset makes a reply whose Wait returned ErrStopped usable again.
func (r *Reply[T]) Reset() { r.state.Store(waiting) }

// Begin tells that the owner is about to run the command. False means that the
// caller has left and must not be served.
func (r *Reply[T]) Begin() bool { return r.state.CompareAndSwap(waiting, running) }

// Unbegin takes Begin back: it turned out that nothing was sent. False means
// that the caller has left.
func (r *Reply[T]) Unbegin() bool { return r.state.CompareAndSwap(running, waiting) }

// Left reports whether the caller stopped waiting.
func (r *Reply[T]) Left() bool { return r.state.Load() == left }

// Resolve answers the caller, whether or not Begin was called. False means that
// the caller has left, so v belongs to the owner again.
func (r *Reply[T]) Resolve(v T, err error) bool {
	for {
		s := r.state.Load()
		if s == left || s == answered {
			return false
		}
		// The caller reads the value only after it has taken ready, also when its
		// own swap tells it that there is an answer.
		if r.state.CompareAndSwap(s, answered) {
			r.value, r.err = v, err
			r.ready <- struct{}{}
			return true
		}
	}
}

// Wait blocks until the reply is resolved, ctx ends, or done (the owner's end)
// is closed. done may be nil, for an owner answers also what it refuses. When ctx ends first the error wraps the context's error and
// ErrNotSent if the command had not begun (it never will) or ErrOutcomeUnknown
// if it had.
func (r *Reply[T]) Wait(ctx context.Context, done <-chan struct{}) (T, error) {
	if done == nil && ctx.Done() == nil {
		return r.take() // not worth a select
	}
	var why error
	select {
	case <-r.ready:
		return r.value, r.err
	case <-ctx.Done():
		why = ctx.Err()
	case <-done:
		why = ErrStopped
	}
	for {
		s := r.state.Load()
		if s == answered {
			return r.take()
		}
		if !r.state.CompareAndSwap(s, left) {
			continue // the owner moved it meanwhile: look again
		}
		var zero T
		switch {
		case s == running && why == ErrStopped:
			return zero, errEnded // not ErrStopped, which says that it did not run
		case s == running:
			return zero, fmt.Errorf("%w (%w)", why, ErrOutcomeUnknown)
		case why == ErrStopped:
			return zero, ErrStopped
		default:
			return zero, fmt.Errorf("%w (%w)", why, ErrNotSent)
		}
	}
}

func (r *Reply[T]) take() (T, error) {
	<-r.ready
	return r.value, r.err
}
