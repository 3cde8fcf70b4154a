package sorted

import (
	"context"
	"errors"
	"fmt"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// ErrNotFound is returned for an item that is not in the sorted feed: the one that
// a call is about, or the one beside which it is to be.
var ErrNotFound = errors.New("sorted: item not found")

// Kind runs the sorted feed actors of one engine. Users get sorted feeds from
// engine.Engine.
type Kind struct {
	host *host.Host
	set  *actor.Set[wire.Command]
}

// NewKind returns the sorted feeds of an engine; stats counts what they send.
func NewKind(h *host.Host, stats *wire.Stats) *Kind {
	return &Kind{host: h, set: host.PlainSet(h, stats)}
}

// Set is the actors, by name.
func (k *Kind) Set() *actor.Set[wire.Command] { return k.set }

// Open returns the sorted feed of that name, after creating it with cfg if it does
// not exist. The stored configuration of an existing one is left alone.
func (k *Kind) Open(ctx context.Context, name string, cfg Config) (*Sorted, error) {
	s := &Sorted{kind: k, h: k.set.Handle(name)}
	settings, err := cfg.settings()
	if err != nil {
		err = host.Refused(err)
	} else {
		err = host.Open(ctx, k.host, s.h, contract.TypeSorted, settings)
	}
	if err != nil {
		return nil, s.wrap("open", err)
	}
	return s, nil
}

// A Sorted is a handle to one sorted feed. It is safe for concurrent use and needs
// no closing. All its methods return ErrStopped once the engine is closed.
type Sorted struct {
	kind *Kind
	h    *actor.Handle[wire.Command]
}

// Name is the sorted feed's name.
func (s *Sorted) Name() string { return s.h.Name() }

// Item is an element of a sorted feed.
type Item struct {
	ID   string
	Body []byte
}

// Append adds an item at the end: Insert at Last.
func (s *Sorted) Append(ctx context.Context, body []byte) (id string, err error) {
	return s.insert(ctx, "append", body, Last)
}

// Prepend adds an item at the beginning: Insert at First.
func (s *Sorted) Prepend(ctx context.Context, body []byte) (id string, err error) {
	return s.insert(ctx, "prepend", body, First)
}

// Insert adds an item at a position and returns its id: a number, larger than all
// before it. ErrNotFound: the item beside which it is to be does not exist, or a
// peer lost its id from the list; nothing was written and no message sent.
//
// Nil means that the item is stored and its messages sent, in one step. After a
// lost reply the call is not repeated, since it would insert another item:
// ErrOutcomeUnknown.
func (s *Sorted) Insert(ctx context.Context, body []byte, at Position) (id string, err error) {
	return s.insert(ctx, "insert", body, at)
}

func (s *Sorted) insert(ctx context.Context, op string, body []byte, at Position) (string, error) {
	err := at.check()
	if err == nil {
		err = contract.CheckItem(body, s.kind.host.MaxItem)
	}
	if err != nil {
		return "", s.wrap(op, host.Refused(err))
	}
	args := wire.NewArgs(3, len(at.where)+len(at.rel)+len(body)).String(string(at.where)).String(at.rel).Bytes(body)
	a, err := s.ask(ctx, insert, args)
	return a.id, s.wrap(op, err)
}

// Edit gives an item another body; it stays where it is. ErrNotFound: there is no
// such item; nothing was written and no message sent.
//
// When the reply to the call is lost it is repeated by itself, and does nothing if it
// had run: what others have changed in between stays.
func (s *Sorted) Edit(ctx context.Context, id string, body []byte) error {
	err := contract.CheckID(id)
	if err == nil {
		err = contract.CheckItem(body, s.kind.host.MaxItem)
	}
	if err != nil {
		return s.wrap("edit", host.Refused(err))
	}
	_, err = s.ask(ctx, edit, wire.NewArgs(3, 16+len(id)+len(body)).Number().String(id).Bytes(body))
	return s.wrap("edit", err)
}

// Move puts an item at another position. ErrNotFound: there is no such item, or
// none beside which it is to be; nothing was written and no message sent. An item
// beside itself stays where it is, which is told to nobody. An item whose id a peer
// lost from the list comes back to it.
//
// When the reply to the call is lost it is repeated by itself, as Edit is.
func (s *Sorted) Move(ctx context.Context, id string, to Position) error {
	err := contract.CheckID(id)
	if err == nil {
		err = to.check()
	}
	if err != nil {
		return s.wrap("move", host.Refused(err))
	}
	args := wire.NewArgs(4, 16+len(id)+len(to.where)+len(to.rel)).Number().String(id).String(string(to.where)).String(to.rel)
	_, err = s.ask(ctx, move, args)
	return s.wrap("move", err)
}

// Retract removes an item. ErrNotFound: there was none of that id; nothing was
// written and no message sent. When the call had to be repeated after a lost
// reply, an item that is gone counts as retracted.
func (s *Sorted) Retract(ctx context.Context, id string) error {
	if err := contract.CheckID(id); err != nil {
		return s.wrap("retract", host.Refused(err))
	}
	_, err := s.ask(ctx, retract, wire.NewArgs(1, len(id)).String(id))
	return s.wrap("retract", err)
}

// wrap adds the name and the operation to an error, once, at the API's edge.
func (s *Sorted) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sorted feed %q: %s: %w", s.h.Name(), op, err)
}

// Statuses of the scripts.
const (
	notFound = 0
	notRun   = -7 // the others in the call took its time: ask again
)

// An answer is an id or a status.
type answer struct {
	id     string
	status int64
}

func readAnswer(r wire.Reader, _ int) (answer, error) {
	id, status, err := r.BytesOrStatus()
	return answer{string(id), status}, err
}

// ask sends one group of arguments to the actor and waits for the answer.
func (s *Sorted) ask(ctx context.Context, script *wire.Script, args wire.Args) (answer, error) {
	for {
		c := wire.NewCall(script, 1, args, readAnswer)
		c.Repeatable = script != insert
		c.Numbered = script == edit || script == move
		c.ReadOnly = script == index || script == length
		a, err := actor.Ask[answer](ctx, s.h, c)
		if err == nil {
			err = host.Refusal(a.status, contract.TypeSorted)
		}
		if err == nil && a.status == notFound && a.id == "" && script != length {
			err = ErrNotFound
		}
		if err != nil || a.status != notRun {
			return a, err
		}
	}
}
