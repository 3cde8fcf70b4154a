package wakeup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/resp/resp3"
)

// connWait bounds how long one attempt waits for a connection: a radix pool whose
// connections are lost wakes only one waiter for each that comes back.
const connWait = 50 * time.Millisecond

// do runs a command on the engine's shared connections.
func (w *Waker) do(a radix.Action) error {
	_, err := await(w.ctx, func(ctx context.Context) (struct{}, error) {
		for {
			p := &patient{Action: a, ctx: ctx}
			attempt, cancel := context.WithTimeout(ctx, connWait)
			err := w.cfg.Do(attempt, p)
			cancel()
			if p.started.Load() || ctx.Err() != nil || attempt.Err() == nil {
				return struct{}{}, err
			}
		}
	})
	return err
}

// patient is an action whose context bounds only the wait for a connection.
type patient struct {
	radix.Action
	ctx     context.Context // bounds the rest
	started atomic.Bool
}

// Perform implements radix.Action.
func (p *patient) Perform(_ context.Context, c radix.Conn) error {
	p.started.Store(true)
	return p.Action.Perform(p.ctx, c)
}

// await runs f, and leaves it alone when it does not return in time although its
// context has ended: radix waits for what is in front of it on the connection.
func await[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, doTimeout)
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer cancel()
		v, err := f(ctx)
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.value, r.err
	default:
		var zero T
		return zero, ctx.Err()
	}
}

// sleep reports whether ctx lasted that long.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isError reports whether err is an error reply, and begins with one of the codes
// if there are any.
func isError(err error, codes ...string) bool {
	var simple resp3.SimpleError
	var blob resp3.BlobError
	var text string
	switch {
	case errors.As(err, &simple):
		text = simple.S
	case errors.As(err, &blob):
		text = string(blob.B)
	default:
		return false
	}
	code, _, _ := strings.Cut(text, " ")
	return len(codes) == 0 || slices.Contains(codes, code)
}
