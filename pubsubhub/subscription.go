package pubsubhub

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Options say what a subscription follows: at least one name.
type Options struct {
	Channels []string // exact names
	Patterns []string // as in PSUBSCRIBE: h?llo, news.*, [ab]c

	// Mailbox is how many messages may wait for Next. Defaults to Config.Mailbox.
	Mailbox int

	// Filter, if set, says which messages to keep; the others take no room in the mailbox and are not counted as missed. It
	// runs on the goroutine that serves all subscriptions: it must be quick, must not panic, and must not call Subscribe or
	// Hub.Close.
	Filter func(Message) bool
}

// Subscription is a bounded mailbox for the messages of some channels. Its methods may be called from any goroutine; each
// event goes to one caller of Next.
type Subscription struct {
	hub    *Hub
	filter func(Message) bool
	box    mailbox
	ready  chan error // capacity 1: what Subscribe returns

	closing sync.Once

	// Only the owner touches these once the subscription is handed to it.
	channels, patterns []string // without repetition
	routes             []*route
	unconfirmed        int  // routes Redis has not confirmed on this connection; messages flow when there are none
	started            bool // ready was answered
}

func (h *Hub) newSubscription(opts Options) (*Subscription, error) {
	if h.cfg.Dial == nil {
		return nil, errors.New("pubsubhub: Config.Dial is not set")
	}
	if len(opts.Channels)+len(opts.Patterns) == 0 {
		return nil, errors.New("pubsubhub: no channels and no patterns to follow")
	}
	setDefault(&opts.Mailbox, h.cfg.Mailbox)
	s := &Subscription{
		hub:      h,
		filter:   opts.Filter,
		ready:    make(chan error, 1),
		channels: distinct(opts.Channels),
		patterns: distinct(opts.Patterns),
	}
	s.box.init(opts.Mailbox)
	return s, nil
}

func distinct(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// Next returns the next event, in the order of arrival. It blocks until there is one, the context ends (its error), the
// subscription is closed (ErrClosed at once), the hub is closed (ErrClosed after what is queued), or Redis no longer lets
// the user follow one of the names after a reconnect (ErrRefused after what is queued).
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	var one [1]Event
	_, err := s.NextBatch(ctx, one[:])
	return one[0], err
}

// NextBatch is Next for consumers of many messages: it blocks until there is at least one event, then takes what is queued
// up to the length of the slice, under one lock. It returns how many.
func (s *Subscription) NextBatch(ctx context.Context, into []Event) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for {
		if n, err := s.box.pop(into); n > 0 || err != nil {
			return n, err
		}
		select {
		case <-s.box.wake: // whoever takes this looks into the mailbox, even if its context ends at the same time
		case <-s.box.ended:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Close ends the subscription and forgets what is queued; Next returns ErrClosed. It does not wait: names nobody else
// follows are unsubscribed shortly after. Safe to call twice, from anywhere. It always returns nil.
func (s *Subscription) Close() error {
	s.closing.Do(func() {
		s.box.end(ErrClosed, true)
		s.hub.inbox.put(&leave{s})
	})
	return nil
}

// keep returns the events of a run that pass the filter, in the given room.
func (s *Subscription) keep(run, room []*Event) []*Event {
	room = room[:0]
	for _, e := range run {
		if s.filter(e.Message) {
			room = append(room, e)
		}
	}
	return room
}
