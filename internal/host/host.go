// Package host is what an engine lends to its actors: connections, limits and
// the hub.
package host

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// Inbox is the size of an actor's inbox, in commands.
const Inbox = 96

// A Host belongs to one engine.
type Host struct {
	Instance string        // of the engine: 32 hex digits
	Patience time.Duration // how long calls wait for Redis at most
	MaxItem  int           // bytes
	Hub      *pubsubhub.Hub
	Logger   *zap.Logger
	Lane     func(name string) *wire.Lane
	Abort    context.Context // ends when actors must stop waiting for Redis
	Calls    wire.Calls      // that publish or put one item
	gets     wire.CallsOf[item]

	// Naming is how names are written on the wire; Lane and wakeup.Waker take them so.
	Naming contract.Naming
	// Names takes commands about the set of all names.
	Names *actor.Handle[wire.Command]

	numbers atomic.Uint64
}

// Set returns the actors of one kind: owner makes the state of the actor of a
// name, given the outbox it sends through.
func Set[C any](h *Host, stats *wire.Stats, owner func(name string, box *actor.Mailbox[C], out *wire.Outbox) wire.Owner[C]) *actor.Set[C] {
	return &actor.Set[C]{
		Inbox:    Inbox,
		Patience: h.Patience,
		Start: func(name string, box *actor.Mailbox[C]) {
			out := wire.NewOutbox(wire.OutboxConfig{
				Name: h.wire(name), Instance: h.Instance, Lane: h.Lane(h.wire(name)),
				Patience: h.Patience, Stats: stats, Numbers: &h.numbers,
			})
			wire.Loop(h.Abort, box, out, owner(name, box, out))
		},
	}
}

// wire is the name on the wire of what an actor is for.
func (h *Host) wire(name string) string {
	if name == catalog.AllNames {
		return name
	}
	return h.Naming.Wire(name)
}

// Channels are the channels of one name.
func (h *Host) Channels(name string, kinds ...contract.Key) []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = k.Of(h.Naming.Wire(name))
	}
	return list
}

// Plain is the owner of a name all of whose commands go to Redis.
type Plain struct{ Out *wire.Outbox }

// Handle implements wire.Owner.
func (p Plain) Handle(c wire.Command) { p.Out.Add(c) }

// Pump implements wire.Owner.
func (p Plain) Pump() {}

// Stop implements wire.Owner.
func (p Plain) Stop() {}

// PlainSet returns actors all of whose commands go to Redis.
func PlainSet(h *Host, stats *wire.Stats) *actor.Set[wire.Command] {
	return Set(h, stats, func(_ string, _ *actor.Mailbox[wire.Command], out *wire.Outbox) wire.Owner[wire.Command] {
		return Plain{out}
	})
}

// Subscribe follows channels. It waits for Redis as any other call does: until
// ctx ends, and no longer than Patience.
func (h *Host) Subscribe(ctx context.Context, o pubsubhub.Options) (*pubsubhub.Subscription, error) {
	bounded, cancel := context.WithTimeout(ctx, h.Patience)
	defer cancel()
	sub, err := h.Hub.Subscribe(bounded, o)
	switch {
	case err == nil:
		return sub, nil
	case errors.Is(err, pubsubhub.ErrClosed):
		return nil, actor.ErrStopped
	case ctx.Err() == nil && bounded.Err() != nil:
		return nil, fmt.Errorf("%w (%w): %w", actor.ErrUnavailable, actor.ErrNotSent, err)
	default:
		return nil, fmt.Errorf("%w (%w)", err, actor.ErrNotSent)
	}
}

// Refused wraps an error about an argument: it was found before anything was
// sent.
func Refused(err error) error { return fmt.Errorf("%w (%w)", err, actor.ErrNotSent) }

// statuses are what all scripts answer for a name that cannot take the call: see
// wire/prelude.lua.
var statuses = map[int64]contract.Type{
	-2: contract.TypeFeed, -3: contract.TypeSorted, -4: contract.TypeQueue, -5: contract.TypeJob, -6: "name of an unknown type",
}

// Refusal is the error of a status that is not an outcome of the call itself:
// the name does not exist (-1), or is not a want. Nil for any other status.
func Refusal(status int64, want contract.Type) error {
	if status == -1 {
		return fmt.Errorf("%w: it was never created, or has been deleted", contract.ErrNoSuchName)
	}
	if is, ok := statuses[status]; ok {
		return WrongType(want, is)
	}
	return nil
}

// WrongType is the error for a name that exists as something else.
func WrongType(want, is contract.Type) error {
	return fmt.Errorf("%w: it is a %s, not a %s", contract.ErrWrongType, is, want)
}
