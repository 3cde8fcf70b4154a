package sorted

import (
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// EventKind says what happened.
type EventKind int

// The kinds of events.
const (
	// Published: an item was added, at Position.
	Published EventKind = iota + 1
	// Edited: an item has a new body, and is where it was.
	Edited
	// Moved: an item was put at Position.
	Moved
	// Retracted: an item was removed.
	Retracted
	// Deleted: the sorted feed was deleted with all its items. It may be created
	// again.
	Deleted
	// Snapshot: an item of the list as it was at one moment, in order.
	Snapshot
	// Synced: the snapshot is complete. What it did not contain was not there at
	// that moment, and what happened since follows.
	Synced
	// Lagged: messages are missing here, Missed of them (0: not known, because the
	// connection was replaced). With FollowOptions.Snapshot a new snapshot follows.
	Lagged
)

func (k EventKind) String() string {
	names := [...]string{"unknown", "published", "edited", "moved", "retracted", "deleted", "snapshot", "synced", "lagged"}
	if k < 0 || int(k) >= len(names) {
		k = 0
	}
	return names[k]
}

// Event is one step in what a subscription tells. Body is shared by all
// subscriptions of the engine: it is read-only.
type Event struct {
	Kind     EventKind
	Feed     string
	ID       string
	Body     []byte   // in Published, Edited and Snapshot
	Position Position // in Published and Moved
	Missed   uint64   // messages, in Lagged
}

// message is what a message tells by itself; false for a marker. Published and
// without a position stands for "published or edited": the contract has one
// message for both, and a second one for the position of a new item.
func message(m pubsubhub.Event) (Event, bool) {
	if m.Lost() {
		e := Event{Kind: Lagged, Missed: m.Missed}
		if m.Kind == pubsubhub.KindReconnected {
			e.Missed = 0
		}
		return e, true
	}
	id, rest := contract.SplitPayload(m.Payload)
	kind, _, _ := contract.SplitChannel(m.Channel)
	switch kind {
	case contract.Publish:
		return Event{Kind: Published, ID: id, Body: rest}, true
	case contract.Edit:
		return Event{Kind: Edited, ID: id, Body: rest}, true
	case contract.Position:
		return Event{Kind: Moved, ID: id, Position: parsePosition(string(rest))}, true
	case contract.Retract:
		return Event{Kind: Retracted, ID: id}, true
	}
	return Event{Kind: Deleted}, m.Channel == string(contract.DelFeed)
}

// A sorter tells new items from edited ones. Ids are numbers that grow: what is
// published under a number above the counter is new, and its position comes next,
// for both messages are sent in one step. When the counter is not up to date, only
// what is above it and followed by its position counts as new.
type sorter struct {
	counter uint64 // no smaller one is new
	synced  bool   // each larger one is new
	half    *Event // published; waits for its position
}

// add takes what a message tells and returns the events that are complete.
func (s *sorter) add(e Event) []Event {
	done := s.flush()
	if len(done) > 0 && e.Kind == Moved && e.ID == done[0].ID {
		done[0].Kind, done[0].Position = Published, e.Position
		return done
	}
	switch e.Kind {
	case Published:
		if n := number(e.ID); n > s.counter {
			s.counter = n
			s.half = &e
			return done
		}
		e.Kind = Edited
	case Deleted:
		s.counter = 0 // whoever creates it again begins at 1
	}
	return append(done, e)
}

// flush returns what waits for a position, which does not come.
func (s *sorter) flush() []Event {
	if s.half == nil {
		return nil
	}
	e := *s.half
	s.half = nil
	if !s.synced {
		e.Kind = Edited
	}
	return []Event{e}
}

// number is an id as a number; 0 if it is none.
func number(id string) uint64 {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
