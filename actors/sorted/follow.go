package sorted

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// ErrClosed is returned by Next after the subscription or the engine was closed.
var ErrClosed = pubsubhub.ErrClosed

// FollowOptions say what to follow. The zero value follows all that happens from
// now on.
type FollowOptions struct {
	// Snapshot begins with the items that are there, in order, as they were at one
	// moment after the first call of Next; what happened since follows. It does so
	// again after Lagged. The snapshot is held in memory until it is complete.
	Snapshot bool
	// ID follows a single item only.
	ID string
	// Mailbox is how many messages may wait for Next before some are dropped and
	// Lagged tells so. Defaults to the engine's.
	Mailbox int
}

// Follow subscribes to the sorted feed. It returns when Redis has confirmed:
// whatever happens after that is told, or its absence is told as Lagged. ctx
// bounds the call, not the subscription. Close the subscription when done.
//
// A new item comes as two messages, one with the item and one with its position.
// They are told as one event, Published. The first alone is an edit. When peers
// insert at the same time, one that overtakes the other makes the other look like
// an edit: it is told as Edited, then Moved. So take what is edited but not known
// for new. A peer may also announce what has no effect, such as the retraction of an
// item that never was: events say what was announced.
func (s *Sorted) Follow(ctx context.Context, opts FollowOptions) (*Subscription, error) {
	if opts.ID != "" {
		if err := contract.CheckID(opts.ID); err != nil {
			return nil, s.wrap("follow", host.Refused(err))
		}
	}
	f := &Subscription{sorted: s, opts: opts, marker: "feed.snapshot:" + contract.NewID()}
	o := pubsubhub.Options{
		Channels: s.kind.host.Channels(s.Name(), contract.Publish, contract.Edit, contract.Position, contract.Retract),
		Mailbox:  opts.Mailbox,
		Filter:   f.concerns,
	}
	o.Channels = append(o.Channels, string(contract.DelFeed), f.marker)
	f.restart()
	now, err := s.page(ctx, pageCall{})
	if err != nil && !gone(err) {
		return nil, s.wrap("follow", err)
	}
	f.sorter.counter = number(now.counter)
	if f.sub, err = s.kind.host.Subscribe(ctx, o); err != nil {
		return nil, s.wrap("follow", err)
	}
	return f, nil
}

// A Subscription is a stream of events. Close may be called from anywhere; Next
// and Events from one goroutine at a time.
type Subscription struct {
	sorted *Sorted
	opts   FollowOptions
	marker string // channel, on which pages are announced
	sub    *pubsubhub.Subscription
	err    error // of Events

	sorter  sorter
	syncing *syncing // until the subscription knows where it stands
	pages   int
	pending []Event // told before anything is read from sub
}

// concerns reports whether a message is for the subscription.
func (s *Subscription) concerns(m pubsubhub.Message) bool {
	if m.Channel == string(contract.DelFeed) {
		name, _ := contract.SplitPayload(m.Payload)
		return name == s.sorted.kind.host.Naming.Wire(s.sorted.Name())
	}
	if s.opts.ID == "" || m.Channel == s.marker {
		return true
	}
	id, _ := contract.SplitPayload(m.Payload)
	return id == s.opts.ID
}

// Next returns the next event. It blocks until there is one, ctx ends, or the
// subscription or the engine is closed (ErrClosed). An error of ctx, or of
// reading from Redis, loses nothing: call Next again.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for len(s.pending) == 0 {
		var err error
		if s.syncing != nil {
			err = s.step(ctx)
		} else {
			err = s.read(ctx)
		}
		if err != nil {
			return Event{}, s.sorted.wrap("follow", err)
		}
	}
	e := s.pending[0]
	s.pending = s.pending[1:]
	e.Feed = s.sorted.Name()
	return e, nil
}

// patience is how long a new item waits for its position. The contract sends both
// in one step; whoever does not shall not stop the stream.
const patience = time.Second

// read takes one message.
func (s *Subscription) read(ctx context.Context) error {
	bounded, cancel := ctx, context.CancelFunc(func() {})
	if s.sorter.half != nil {
		bounded, cancel = context.WithTimeout(ctx, patience)
	}
	m, err := s.sub.Next(bounded)
	cancel()
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		s.pending = s.sorter.flush()
		return nil
	case err != nil:
		return err
	}
	if m.Lost() && s.opts.Snapshot {
		s.sorter.half = nil // the position is lost; the snapshot has it
	}
	if e, ok := message(m); ok {
		s.pending = s.sorter.add(e)
	}
	if m.Lost() {
		s.restart()
	}
	return nil
}

// Events ranges over the events until the subscription or the engine is closed,
// or Redis cannot be read. Err then says which. It can be called again.
func (s *Subscription) Events() iter.Seq[Event] { return host.Events(s.Next, &s.err) }

// Err is why Events ended: an error that wraps ErrClosed after Close.
func (s *Subscription) Err() error { return s.err }

// Close ends the subscription; Next returns ErrClosed. Safe to call twice.
func (s *Subscription) Close() error { return s.sub.Close() }
