package wire

import (
	"context"
	"runtime"

	"github.com/thoonk-go/thoonk/internal/actor"
)

// An Owner is the state of one actor. All methods run on its goroutine.
type Owner[C any] interface {
	// Handle runs one command: commands for Redis go to the outbox.
	Handle(C)
	// Pump is called after every round of commands and answers, before the outbox
	// sends: the place to decide what to ask for.
	Pump()
	// Stop is called once, when the actor is to end: answer whoever waits, and put
	// what belongs back into the outbox. A few commands may still be handled after
	// it.
	Stop()
}

// Loop is the goroutine of an actor: it hands the owner what waits in the
// inbox, lets the outbox send it, and settles what comes back, until the mailbox
// is stopped. Then it handles what was accepted, sends it, and waits for the
// answers; when abort ends first, what is left is answered with ErrStopped or
// ErrOutcomeUnknown.
func Loop[C any](abort context.Context, box *actor.Mailbox[C], out *Outbox, owner Owner[C]) {
	defer box.Exit(func(c C) {
		if c, ok := any(c).(interface{ Settle(error) }); ok {
			c.Settle(actor.ErrStopped)
		}
	})
	for {
		in := box.In()
		if out.Full() {
			in = nil // back-pressure: callers wait in Send
		}
		select {
		case c := <-in:
			box.Touch()
			owner.Handle(c)
			gather(box, out, owner)
		case b := <-out.Landed():
			out.Land(b)
			gather(box, out, owner)
		case <-out.Wrote():
		case <-out.Due():
			out.Resume()
		case <-box.Quit():
			shutdown(abort, box, out, owner)
			return
		}
		pump(out, owner)
		follow(box, out, owner)
	}
}

// follow sends the batches that may follow others, at their distance.
func follow[C any](box *actor.Mailbox[C], out *Outbox, owner Owner[C]) {
	for out.Another() {
		for !out.Distant() {
			runtime.Gosched()
			drain(box, out, owner)
		}
		pump(out, owner)
	}
}

// pump has the owner decide and the outbox send, until there is nothing to decide.
func pump[C any](out *Outbox, owner Owner[C]) {
	for owner.Pump(); out.Flush(); {
		owner.Pump()
	}
}

// gather hands over what else waits. Callers who were just answered have probably
// more to send, so it yields to them a few times while more comes, or while what the
// owner expects may come.
func gather[C any](box *actor.Mailbox[C], out *Outbox, owner Owner[C]) {
	drain(box, out, owner)
	for yields := 0; out.Lingers() || yields < 2 && out.Expecting(); yields++ {
		runtime.Gosched()
		if drain(box, out, owner) == 0 && !out.Lingers() {
			return
		}
	}
}

// drain hands over what waits, as much as fits into a batch and no more commands than that, and returns how many
// commands that were.
func drain[C any](box *actor.Mailbox[C], out *Outbox, owner Owner[C]) (n int) {
	for ; n < MaxBatch && !out.Full(); n++ {
		select {
		case c := <-box.In():
			if n == 0 {
				box.Touch()
			}
			owner.Handle(c)
		default:
			return n
		}
	}
	return n
}

func shutdown[C any](abort context.Context, box *actor.Mailbox[C], out *Outbox, owner Owner[C]) {
	rest := func() {
		for len(box.In()) > 0 {
			owner.Handle(<-box.In())
		}
	}
	rest()
	owner.Stop()
	rest() // what arrived before Stop shut the last door
	ended := abort.Done()
	for {
		pump(out, owner)
		if out.Empty() {
			return
		}
		select {
		case b := <-out.Landed():
			out.Land(b)
		case <-out.Wrote():
		case <-out.Due():
			out.Resume()
		case <-ended:
			ended = nil
		}
		if ended == nil {
			out.Abort(actor.ErrStopped)
		}
	}
}
