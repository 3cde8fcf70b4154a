package feed

import (
	"context"
	"errors"
	"fmt"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// ErrNotFound is returned for an id that is not in the feed.
var ErrNotFound = errors.New("feed: item not found")

// Kind runs the feed actors of one engine. Users get feeds from engine.Engine.
type Kind struct {
	host *host.Host
	set  *actor.Set[wire.Command]
}

// NewKind returns the feeds of an engine; stats counts what they send.
func NewKind(h *host.Host, stats *wire.Stats) *Kind {
	return &Kind{host: h, set: host.PlainSet(h, stats)}
}

// Set is the actors, by name.
func (k *Kind) Set() *actor.Set[wire.Command] { return k.set }

// Open returns the feed of that name, after creating it with cfg if it does not
// exist. The stored configuration of an existing feed is left alone.
func (k *Kind) Open(ctx context.Context, name string, cfg Config) (*Feed, error) {
	f := &Feed{kind: k, h: k.set.Handle(name)}
	settings, err := cfg.settings()
	if err != nil {
		err = host.Refused(err)
	} else {
		err = host.Open(ctx, k.host, f.h, contract.TypeFeed, settings)
	}
	if err != nil {
		return nil, f.wrap("open", err)
	}
	return f, nil
}

// A Feed is a handle to one feed. It is safe for concurrent use and needs no
// closing. All its methods return ErrStopped once the engine is closed.
type Feed struct {
	kind *Kind
	h    *actor.Handle[wire.Command]
}

// Name is the feed's name.
func (f *Feed) Name() string { return f.h.Name() }

// Item is an element of a feed.
type Item struct {
	ID   string
	Body []byte
}

// Publish adds an item under a generated id, at the end of the feed. A bounded
// feed evicts its oldest items.
//
// Nil means that the item is stored and its message sent, in one step. After a
// lost reply the call is repeated by itself: the id tells whether it had run.
func (f *Feed) Publish(ctx context.Context, body []byte) (id string, err error) {
	id = contract.NewID()
	return id, f.publishOne(ctx, Item{ID: id, Body: body})
}

// PublishAs adds an item under the given id, or edits the item that has it; both
// put it at the end of the feed (contract 3).
//
// When the reply to the call is lost it is repeated by itself. If another writer
// changed the same item in between, its change is overwritten, as if this call
// had come after it.
func (f *Feed) PublishAs(ctx context.Context, id string, body []byte) error {
	return f.publishOne(ctx, Item{ID: id, Body: body})
}

// PublishMany publishes items in order; those without an ID get a generated one.
// It sends parts of up to 256 items or 256 KiB, one after the other: each part
// takes effect in one step, without other items in between. It returns the ids
// of the items that are stored; when err is nil that is all of them. When err
// wraps ErrOutcomeUnknown the part behind the returned ids may be stored as well.
func (f *Feed) PublishMany(ctx context.Context, items []Item) (ids []string, err error) {
	list := make([]Item, len(items))
	for i, it := range items {
		if it.ID == "" {
			it.ID = contract.NewID()
		}
		if err := f.check(it); err != nil {
			return nil, f.wrap("publish", host.Refused(fmt.Errorf("item %d: %w", i, err)))
		}
		list[i] = it
	}
	for len(list) > 0 {
		n := wire.Part(len(list), func(i int) int { return len(list[i].Body) })
		if err := f.publishPart(ctx, list[:n]); err != nil {
			return ids, err
		}
		for _, it := range list[:n] {
			ids = append(ids, it.ID)
		}
		list = list[n:]
	}
	return ids, nil
}

func (f *Feed) check(it Item) error {
	if err := contract.CheckID(it.ID); err != nil {
		return err
	}
	return contract.CheckItem(it.Body, f.kind.host.MaxItem)
}

func (f *Feed) publishOne(ctx context.Context, it Item) error {
	if err := f.check(it); err != nil {
		return f.wrap("publish", host.Refused(err))
	}
	c := f.kind.host.Calls.New(publish, 2, len(it.ID)+len(it.Body))
	defer f.kind.host.Calls.Free(c)
	c.Args = c.Args.String(it.ID).Bytes(it.Body)
	return f.publish(ctx, c)
}

// publishPart publishes items that were checked, in one call.
func (f *Feed) publishPart(ctx context.Context, items []Item) error {
	size := 0
	for _, it := range items {
		size += len(it.ID) + len(it.Body)
	}
	args := wire.NewArgs(2*len(items), size)
	for _, it := range items {
		args = args.String(it.ID).Bytes(it.Body)
	}
	return f.publish(ctx, wire.NewCall(publish, len(items), args, wire.Worst))
}

func (f *Feed) publish(ctx context.Context, c *wire.Call[int64]) error {
	c.Repeatable = true
	status, err := ask(ctx, f, c)
	if err == nil && status > edited {
		_ = f.trim(ctx) // the items are stored; what is left of this, the next publish does
	}
	return f.wrap("publish", err)
}

// Statuses of publish.lua.
const edited = 2 // larger: the feed is still above its bound

// trim evicts in steps what is above the bound.
func (f *Feed) trim(ctx context.Context) error {
	for {
		c := wire.NewCall(trim, 1, wire.NewArgs(1, 0).String(""), wire.Worst)
		c.Repeatable = true
		left, err := ask(ctx, f, c)
		if err != nil || left <= 0 {
			return err
		}
	}
}

// Retract removes an item. ErrNotFound: there was none of that id; nothing was
// written and no message sent. When the call had to be repeated after a lost
// reply, an item that is gone counts as retracted.
func (f *Feed) Retract(ctx context.Context, id string) error {
	if err := contract.CheckID(id); err != nil {
		return f.wrap("retract", host.Refused(err))
	}
	c := wire.NewCall(retract, 1, wire.NewArgs(1, len(id)).String(id), wire.Worst)
	c.Repeatable = true
	n, err := ask(ctx, f, c)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return f.wrap("retract", err)
}

// wrap adds the name and the operation to an error, once, at the API's edge.
func (f *Feed) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("feed %q: %s: %w", f.h.Name(), op, err)
}

// ask sends c to the feed's actor and waits for the answer.
func ask[T any](ctx context.Context, f *Feed, c *wire.Call[T]) (T, error) {
	return host.Ask(ctx, f.h, contract.TypeFeed, c)
}
