package peer

import (
	"errors"
	"strings"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// ErrHangs: thoonk.py's listener waits for ever for the type of a name that has none.
var ErrHangs = errors.New("peer: a name without a type hangs the listener")

// A Heard is what a listener makes of a message: Kind is publish, edit, retract, position or finish.
type Heard struct{ Kind, ID, Rest string }

// A Listener is what thoonk.py makes of messages. It takes each apart in one certain way, and what it cannot take apart
// ends it without a word. Messages are given to it by hand.
type Listener struct {
	types map[string]contract.Type // that it has subscribed to
	dead  bool
}

// Listen starts a listener for names. It reads their types: ErrHangs if one has none.
func (p *Peer) Listen(names ...string) (*Listener, error) {
	l := &Listener{types: map[string]contract.Type{}}
	for _, name := range names {
		t, there, err := p.text("HGET", contract.Config.Of(name), "type")
		if err != nil || !there {
			return nil, or(err, ErrHangs)
		}
		l.types[name] = contract.Type(t)
	}
	return l, nil
}

// Alive reports whether it still listens.
func (l *Listener) Alive() bool { return !l.dead }

// Hear gives the listener a message. False: it makes no event of it.
func (l *Listener) Hear(channel, payload string) (Heard, bool) {
	if l.dead {
		return Heard{}, false
	}
	switch contract.Key(channel) {
	case contract.NewFeed, contract.DelFeed, contract.ConfFeed:
		l.dead = strings.Count(payload, "\x00") != 1
		return Heard{}, false
	}
	kind, name, _ := contract.SplitChannel(channel)
	id, rest, parts := strings.Cut(payload, "\x00")
	var h Heard
	switch t := l.types[name]; {
	case t == contract.TypeJob && kind == contract.Publishes:
		h = Heard{"publish", id, rest}
	case t == contract.TypeJob && kind == contract.JobFinish:
		h = Heard{"finish", id, rest}
	case t == contract.TypeFeed && kind == contract.Publish, t == contract.TypeSorted && kind == contract.Publish:
		h = Heard{"publish", id, rest}
	case t == contract.TypeFeed && kind == contract.Edit:
		h = Heard{"edit", id, rest}
	case t == contract.TypeSorted && kind == contract.Position:
		h = Heard{"position", id, rest}
	case t == contract.TypeFeed && kind == contract.Retract, t == contract.TypeSorted && kind == contract.Retract:
		return Heard{"retract", payload, ""}, true // not taken apart at all
	default:
		return Heard{}, false // not subscribed to, or, as for claims, without an event
	}
	l.dead = !parts
	return h, parts
}
