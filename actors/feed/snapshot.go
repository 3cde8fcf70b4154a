package feed

import (
	"context"

	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// How a snapshot meets the stream without a gap or a duplicate: the subscription
// is confirmed first. Then the feed is read page by page, and each page publishes
// a marker to the subscription in the same step. Messages in front of a page's
// marker are included in the page: an item they speak of is left out of it, for
// its message will tell it. Messages are held back until the walk is over.

// restart begins a snapshot. Everything held so far is in it.
func (s *Subscription) restart() {
	s.walk = &walk{feed: s.feed, bodies: true, marker: s.marker, only: s.only}
	s.held, s.touched = nil, make(map[string]bool)
}

// step reads one page, and the stream up to its marker.
func (s *Subscription) step(ctx context.Context) error {
	page := *s.walk // a failed attempt is made again from here
	s.pages++
	page.number = s.pages
	items, more, err := page.next(ctx, host.MaxPage)
	if err != nil {
		return err
	}
	if lost, err := s.hold(ctx, page.mark); err != nil {
		return err
	} else if lost != nil {
		s.pending = append(s.pending, *lost)
		s.restart()
		return nil
	}
	for _, it := range items {
		if !s.touched[it.ID] {
			s.pending = append(s.pending, Event{Kind: Snapshot, Feed: s.feed.Name(), ID: it.ID, Body: it.Body})
		}
	}
	s.walk = &page
	if !more {
		s.pending = append(s.pending, Event{Kind: Synced, Feed: s.feed.Name()})
		s.pending = append(s.pending, s.held...)
		s.walk, s.held, s.touched = nil, nil, nil
	}
	return nil
}

// hold keeps the events in front of the marker for later. lost is the event that
// says that some are missing.
func (s *Subscription) hold(ctx context.Context, marker string) (lost *Event, err error) {
	gap, err := host.UpTo(ctx, s.sub, s.marker, marker, func(m pubsubhub.Event) {
		if e, ok := s.event(m); ok { // else the marker of an attempt that failed
			s.held = append(s.held, e)
			s.touched[e.ID] = true
		}
	})
	if err != nil || gap == nil {
		return nil, err
	}
	e, _ := s.event(*gap)
	return &e, nil
}
