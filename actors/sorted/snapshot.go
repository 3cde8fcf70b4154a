package sorted

import (
	"context"
	"errors"
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// How a snapshot meets the stream: the subscription is confirmed first. Then the
// list is read page by page, and each page publishes a marker to the subscription
// in the same step. The messages in front of a page's marker are all that happened
// before the page, so they bring the mirror, which has the pages so far, to the
// moment of the page: it is the beginning of the list as it is there, and the page
// goes on where it ends. With the page that reaches the end, the mirror is the
// list at the moment of that page's marker. It is told then, and the messages
// behind the marker follow: no gap, no duplicate.
//
// A page may begin behind the end of the mirror, when much was taken out of it
// meanwhile: then it is asked for again. It overlaps with the mirror a little. What
// does not fit shows that somebody changed the list without a message, and the
// snapshot begins again. So it comes to its end as soon as fewer changes arrive
// during one round trip than a page has items.
//
// Without a snapshot there is one such page, with nothing in it but the counter.

// A syncing is what a subscription has until it knows where it stands.
type syncing struct {
	mirror *mirror // nil without a snapshot
	pager  host.Pager
	ended  bool    // the mirror has reached the end of the list
	held   []Event // without a snapshot: told behind the marker
}

// restart begins again. Everything that happened so far is in it.
func (s *Subscription) restart() {
	s.sorter.synced = false
	s.syncing = &syncing{}
	if s.opts.Snapshot {
		s.syncing.mirror = newMirror()
	}
}

// step reads one page, and the stream up to its marker. A failed attempt is made
// again from the mirror as it is.
func (s *Subscription) step(ctx context.Context) error {
	s.pages++
	call := s.syncing.call(s.opts.ID)
	call.channel, call.marker = s.marker, strconv.Itoa(s.pages)
	page, err := s.sorted.page(ctx, call)
	if err != nil && (s.opts.Snapshot || !gone(err)) {
		return err
	}
	lost, err := host.UpTo(ctx, s.sub, s.marker, page.mark, s.before)
	if err != nil {
		return err
	}
	if lost != nil {
		e, _ := message(*lost)
		s.pending = append(append(s.syncing.held, s.sorter.flush()...), e)
		s.restart()
		return nil
	}
	switch y := s.syncing; {
	case y.mirror == nil:
		s.pending = append(y.held, s.sorter.flush()...)
	case s.opts.ID != "":
		s.pending = told(page.wanted)
	case !y.take(page):
		s.restart()
		return nil
	case !y.ended || len(y.mirror.unknown(1)) > 0:
		return nil
	default:
		s.pending = told(y.mirror.items())
	}
	s.syncing = nil
	s.sorter.synced = true
	s.sorter.counter = number(page.counter)
	return nil
}

// gone reports whether the name does not exist, at least not as a sorted feed: it can
// be followed nevertheless, since it may be created.
func gone(err error) bool {
	return errors.Is(err, contract.ErrNoSuchName) || errors.Is(err, contract.ErrWrongType)
}

// before takes a message in front of the marker.
func (s *Subscription) before(m pubsubhub.Event) {
	e, ok := message(m)
	switch {
	case !ok: // the marker of an attempt that failed
	case s.syncing.mirror != nil:
		s.syncing.mirror.apply(e)
	default:
		s.syncing.held = append(s.syncing.held, s.sorter.add(e)...)
	}
}

// call is the next page to ask for.
func (y *syncing) call(only string) pageCall {
	switch {
	case y.mirror == nil:
		return pageCall{}
	case only != "":
		return pageCall{bodies: true, wanted: []string{only}}
	}
	length, size := y.mirror.list.Len(), y.pager.Size()
	overlap := min(length, 1+size/16)
	call := pageCall{bodies: true, index: length - overlap, count: min(size+overlap, host.MaxPage)}
	if y.ended {
		call.wanted = y.mirror.unknown(size)
	}
	return call
}

// take adds a page to the mirror; false if they do not fit.
func (y *syncing) take(page pageReply) bool {
	if !y.mirror.extend(page.index, page.rows) {
		return false
	}
	y.mirror.learn(page.wanted)
	for _, row := range page.rows {
		y.pager.Saw(row.Body)
	}
	y.ended = y.mirror.list.Len() == page.length
	return true
}

// told are the events of a snapshot. An id without an item is left out.
func told(items []Item) []Event {
	events := make([]Event, 0, len(items)+1)
	for _, it := range items {
		if it.Body != nil {
			events = append(events, Event{Kind: Snapshot, ID: it.ID, Body: it.Body})
		}
	}
	return append(events, Event{Kind: Synced})
}
