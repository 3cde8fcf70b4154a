package host

import (
	"context"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// SendParts sends n items in as many commands as their sizes need. All are sent before the first answer is waited for:
// the actor keeps them in order. call makes the command of some items, and done is told the answer to it; the first
// error that done returns is returned.
func SendParts[T, C any, A actor.Asker[T]](ctx context.Context, name *actor.Handle[C], n int, size func(i int) int,
	call func(from, to int) (A, error), done func(from, to int, v T, err error) error) error {
	type part struct {
		call     A
		from, to int
		box      *actor.Mailbox[C] // nil: it is answered
		v        T
		err      error
	}
	wait := func(p *part) {
		if p.box == nil {
			return
		}
		if p.v, p.err = p.call.Wait(ctx, p.box.Done()); p.err == actor.ErrStopped {
			p.call.Reset() // the actor was idle and ended: ask the next one
			p.v, p.err = actor.Ask[T](ctx, name, actor.Asker[T](p.call))
		}
		p.box = nil
	}
	var parts []*part
	for from := 0; from < n; {
		p := &part{from: from, to: from + wire.Part(n-from, func(i int) int { return size(from + i) })}
		if p.call, p.err = call(p.from, p.to); p.err == nil {
			p.box, p.err = name.Send(ctx, any(p.call).(C))
		}
		if p.err == nil && ending(p.box) {
			wait(p) // it may be refused, and then has to run before the next one does
		}
		parts = append(parts, p)
		from = p.to
	}
	var first error
	for _, p := range parts {
		wait(p)
		if err := done(p.from, p.to, p.v, p.err); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// ending reports whether an owner is about to end.
func ending[C any](box *actor.Mailbox[C]) bool {
	select {
	case <-box.Quit():
		return true
	default:
		return false
	}
}
