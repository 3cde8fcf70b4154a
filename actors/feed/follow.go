package feed

import (
	"context"
	"errors"
	"iter"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// ErrClosed is returned by Next after the subscription or the engine was closed.
var ErrClosed = pubsubhub.ErrClosed

// EventKind says what happened.
type EventKind int

// The kinds of events.
const (
	// Published: an item was added.
	Published EventKind = iota + 1
	// Edited: an item has a new body and moved to the end of the feed.
	Edited
	// Retracted: an item was removed, by a call or because the feed is bounded.
	Retracted
	// Snapshot: an item that was there when following began, in feed order.
	Snapshot
	// Synced: the snapshot is complete. What it did not contain is not there.
	Synced
	// Lagged: messages are missing here, Missed of them (0: not known, because the
	// connection was replaced). With FollowOptions.Snapshot a new snapshot follows.
	Lagged
)

func (k EventKind) String() string {
	names := [...]string{"unknown", "published", "edited", "retracted", "snapshot", "synced", "lagged"}
	if k < 0 || int(k) >= len(names) {
		k = 0
	}
	return names[k]
}

// Event is one step in what a subscription tells. Body is shared by all
// subscriptions of the engine: it is read-only.
type Event struct {
	Kind   EventKind
	Feed   string
	ID     string
	Body   []byte
	Missed uint64 // messages, in Lagged
}

// FollowOptions say what to follow. The zero value follows all that happens from
// now on.
type FollowOptions struct {
	// Snapshot begins with the items that are there, without a gap and without a
	// duplicate between them and what follows, and does so again after Lagged.
	Snapshot bool
	// ID follows a single item only.
	ID string
	// Mailbox is how many messages may wait for Next before some are dropped and
	// Lagged tells so. Defaults to the engine's.
	Mailbox int
}

// Follow subscribes to the feed. It returns when Redis has confirmed: whatever
// is published after that is told, or its absence is told as Lagged. ctx bounds
// the call, not the subscription. Close the subscription when done.
//
// A peer may announce the retraction of an item that never was, or publish an id
// that is there: events say what was announced.
func (f *Feed) Follow(ctx context.Context, opts FollowOptions) (*Subscription, error) {
	if opts.ID != "" {
		if err := contract.CheckID(opts.ID); err != nil {
			return nil, f.wrap("follow", host.Refused(err))
		}
	}
	s := &Subscription{feed: f, only: opts.ID}
	o := pubsubhub.Options{Mailbox: opts.Mailbox, Channels: f.kind.host.Channels(f.Name(), announcements...)}
	if opts.Snapshot {
		s.marker = "feed.snapshot:" + contract.NewID()
		o.Channels = append(o.Channels, s.marker)
		s.restart()
	}
	if opts.ID != "" {
		o.Filter = func(m pubsubhub.Message) bool {
			id, _ := contract.SplitPayload(m.Payload)
			return id == opts.ID || m.Channel == s.marker
		}
	}
	var err error
	if s.sub, err = f.kind.host.Subscribe(ctx, o); err != nil {
		return nil, f.wrap("follow", err)
	}
	return s, nil
}

// FollowPattern follows all feeds whose name matches the pattern (as in
// PSUBSCRIBE: "news.*", "h?llo", "[ab]c"), also ones that are created later.
// FollowOptions.Snapshot and ID are not for patterns.
func (k *Kind) FollowPattern(ctx context.Context, pattern string, opts FollowOptions) (*Subscription, error) {
	f := &Feed{kind: k, h: k.set.Handle(pattern)}
	err := k.host.Naming.Check(pattern)
	if err == nil && (opts.Snapshot || opts.ID != "") {
		err = ErrPattern
	}
	if err != nil {
		return nil, f.wrap("follow pattern", host.Refused(err))
	}
	o := pubsubhub.Options{Mailbox: opts.Mailbox, Patterns: k.host.Channels(pattern, announcements...)}
	s := &Subscription{feed: f}
	if s.sub, err = k.host.Subscribe(ctx, o); err != nil {
		return nil, f.wrap("follow pattern", err)
	}
	return s, nil
}

// ErrPattern is returned for options that a pattern cannot have.
var ErrPattern = errors.New("feed: a pattern can be followed without Snapshot and ID only")

var announcements = []contract.Key{contract.Publish, contract.Edit, contract.Retract}

// A Subscription is a stream of events. Close may be called from anywhere; Next
// and Events from one goroutine at a time.
type Subscription struct {
	feed *Feed
	only string // an id, or empty
	sub  *pubsubhub.Subscription
	err  error // of Events

	// With a snapshot: the channel on which its pages are announced, the walk
	// while it goes on, and the events to tell first.
	marker  string
	walk    *walk
	pages   int
	pending []Event         // told before anything is read from sub
	held    []Event         // arrived during the walk: told behind it
	touched map[string]bool // ids in held
}

// Next returns the next event. It blocks until there is one, ctx ends, or the
// subscription or the engine is closed (ErrClosed). An error of ctx, or of
// reading a snapshot, loses nothing: call Next again.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		if len(s.pending) > 0 {
			e := s.pending[0]
			s.pending = s.pending[1:]
			return e, nil
		}
		if s.walk != nil {
			if err := s.step(ctx); err != nil {
				return Event{}, s.feed.wrap("follow", err)
			}
			continue
		}
		m, err := s.sub.Next(ctx)
		if err != nil {
			return Event{}, s.feed.wrap("follow", err)
		}
		if m.Lost() && s.marker != "" {
			s.restart()
		}
		if e, ok := s.event(m); ok {
			return e, nil
		}
	}
}

// Events ranges over the events until the subscription or the engine is closed,
// or a snapshot cannot be read. Err then says which. It can be called again.
func (s *Subscription) Events() iter.Seq[Event] { return host.Events(s.Next, &s.err) }

// Err is why Events ended: an error that wraps ErrClosed after Close.
func (s *Subscription) Err() error { return s.err }

// Close ends the subscription; Next returns ErrClosed. Safe to call twice.
func (s *Subscription) Close() error { return s.sub.Close() }

// event is what a message tells; false for a marker.
func (s *Subscription) event(m pubsubhub.Event) (Event, bool) {
	if m.Lost() {
		e := Event{Kind: Lagged, Feed: s.feed.Name(), Missed: m.Missed}
		if m.Kind == pubsubhub.KindReconnected {
			e.Missed = 0
		}
		return e, true
	}
	kind, wire, _ := contract.SplitChannel(m.Channel)
	name, ours := s.feed.kind.host.Naming.Name(wire)
	if !ours {
		return Event{}, false
	}
	e := Event{Feed: name}
	e.ID, e.Body = contract.SplitPayload(m.Payload)
	switch kind {
	case contract.Publish:
		e.Kind = Published
	case contract.Edit:
		e.Kind = Edited
	case contract.Retract:
		e.Kind, e.Body = Retracted, nil
	default:
		return e, false
	}
	return e, true
}
