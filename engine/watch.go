package engine

import (
	"context"
	"fmt"
	"iter"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// NameEventKind says what happened to a name.
type NameEventKind int

// The kinds of events.
const (
	NameCreated NameEventKind = iota + 1
	NameDeleted
	NameConfigured
	// NamesLagged: events are missing here. Read Names to know what exists.
	NamesLagged
)

// NameEvent is one step in the life of a name (contract 2). Instance is the id of
// the engine or peer that caused it; your own events are told as well. A name may
// be announced before its configuration exists, when a peer creates it.
type NameEvent struct {
	Kind     NameEventKind
	Name     string
	Instance string
}

// Instance is the id that this engine's own events carry: 32 hex digits, new each time an engine is opened.
func (e *Engine) Instance() string { return e.host.Instance }

// Watch follows the creation, deletion and configuration of names. It returns
// when Redis has confirmed; ctx bounds the call, not the watch.
func (e *Engine) Watch(ctx context.Context) (*Watch, error) {
	sub, err := e.host.Subscribe(ctx, pubsubhub.Options{
		Channels: []string{string(contract.NewFeed), string(contract.DelFeed), string(contract.ConfFeed)},
	})
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	return &Watch{sub, e.host.Naming}, nil
}

// A Watch is a stream of events about names.
type Watch struct {
	sub    *pubsubhub.Subscription
	naming contract.Naming
}

// Next returns the next event. It blocks until there is one, ctx ends, or the
// watch or the engine is closed (pubsubhub.ErrClosed).
func (w *Watch) Next(ctx context.Context) (NameEvent, error) {
	for {
		m, err := w.sub.Next(ctx)
		if err != nil {
			return NameEvent{}, fmt.Errorf("watch: %w", err)
		}
		if m.Lost() {
			return NameEvent{Kind: NamesLagged}, nil
		}
		wire, instance := contract.SplitPayload(m.Payload)
		if name, ours := w.naming.Name(wire); ours {
			return nameEvent(m.Channel, name, string(instance)), nil
		}
	}
}

func nameEvent(channel, name, instance string) NameEvent {
	e := NameEvent{Name: name, Instance: instance}
	switch contract.Key(channel) {
	case contract.NewFeed:
		e.Kind = NameCreated
	case contract.DelFeed:
		e.Kind = NameDeleted
	case contract.ConfFeed:
		e.Kind = NameConfigured
	}
	return e
}

// Events ranges over the events until the watch or the engine is closed.
func (w *Watch) Events() iter.Seq[NameEvent] {
	return func(yield func(NameEvent) bool) {
		for {
			e, err := w.Next(context.Background())
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

// Close ends the watch. Safe to call twice.
func (w *Watch) Close() error { return w.sub.Close() }
