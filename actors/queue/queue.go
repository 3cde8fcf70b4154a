package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/line"
	"github.com/thoonk-go/thoonk/internal/wakeup"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// ErrEmpty is returned by TryGet when nothing waits.
var ErrEmpty = errors.New("queue: empty")

// Kind runs the queue actors of one engine. Users get queues from engine.Engine.
type Kind struct {
	host  *host.Host
	set   *actor.Set[command]
	waker *wakeup.Waker

	getters line.Getters[Item]

	pause   time.Duration   // between two looks at items that seem lost
	looking host.Background // at them
}

// NewKind returns the queues of an engine; stats counts what they send. pause is
// the time between two looks at items that seem lost.
func NewKind(h *host.Host, stats *wire.Stats, waker *wakeup.Waker, pause time.Duration) *Kind {
	k := &Kind{host: h, waker: waker, pause: pause}
	k.set = host.Set(h, stats, func(name string, box *actor.Mailbox[command], out *wire.Outbox) wire.Owner[command] {
		return &owner{kind: k, name: name, box: box, out: out}
	})
	return k
}

// Len is the number of actors, and Sweep ends those that have been idle.
func (k *Kind) Len() int               { return k.set.Len() }
func (k *Kind) Sweep(before time.Time) { k.set.Sweep(before) }

// Close ends the actors: callers get ErrStopped, what was taken for them and not
// handed over goes back.
func (k *Kind) Close() {
	k.looking.Close()
	k.set.Close()
}

// Open returns the queue of that name, after creating it with cfg if it does not
// exist. The stored configuration of an existing queue is left alone.
func (k *Kind) Open(ctx context.Context, name string, cfg Config) (*Queue, error) {
	q := &Queue{kind: k, h: k.set.Handle(name)}
	if err := host.Open(ctx, k.host, q.h, contract.TypeQueue, cfg.settings()); err != nil {
		return nil, q.wrap("open", err)
	}
	return q, nil
}

// A Queue is a handle to one queue. It is safe for concurrent use and needs no
// closing. All its methods return ErrStopped once the engine is closed.
type Queue struct {
	kind *Kind
	h    *actor.Handle[command]
}

// Name is the queue's name.
func (q *Queue) Name() string { return q.h.Name() }

// Item is an element of a queue.
type Item struct {
	ID   string
	Body []byte
}

// Priority says at which end of the line an item is put.
type Priority int

// The priorities.
const (
	// Normal items are taken in the order in which they were put.
	Normal Priority = iota
	// High items are taken before all that wait, a later one before an earlier
	// one: so the contract has it.
	High
)

// PutOptions are for Put and PutMany. The zero value is right for most.
type PutOptions struct{ Priority Priority }

// Put puts an item into the queue and returns its generated id. It wakes one
// waiting getter, in whatever process.
//
// Nil means that the item is stored. After a lost reply the call is repeated by
// itself; the item is not put twice, even if it was taken in between.
func (q *Queue) Put(ctx context.Context, body []byte, opts ...PutOptions) (id string, err error) {
	if err := contract.CheckItem(body, q.kind.host.MaxItem); err != nil {
		return "", q.wrap("put", host.Refused(err))
	}
	id = contract.NewID()
	c := q.kind.host.Calls.New(put, 4, 16+len(id)+len(body)+1)
	defer q.kind.host.Calls.Free(c)
	c.Args = c.Args.Number().String(id).Bytes(body).String(priority(opts))
	c.Numbered, c.Repeatable = true, true
	if _, err := ask(ctx, q, c); err != nil {
		return "", q.wrap("put", err)
	}
	return id, nil
}

// An Outcome is what became of one item of PutMany.
type Outcome struct {
	ID  string // generated
	Err error  // nil: stored
}

// PutMany puts items in order, in one round trip as long as they are up to 256
// and 256 KiB. More are sent in parts, several at a time; each part takes effect
// in one step. err is nil if all items are stored; the outcomes say which.
func (q *Queue) PutMany(ctx context.Context, bodies [][]byte, opts ...PutOptions) ([]Outcome, error) {
	outcomes := make([]Outcome, len(bodies))
	items := make([]Item, len(bodies))
	for i, b := range bodies {
		items[i] = Item{contract.NewID(), b}
		outcomes[i].ID = items[i].ID
		if err := contract.CheckItem(b, q.kind.host.MaxItem); err != nil {
			return nil, q.wrap("put", host.Refused(fmt.Errorf("item %d: %w", i, err)))
		}
	}
	high := priority(opts)
	failed := host.SendParts(ctx, q.h, len(items),
		func(i int) int { return len(items[i].Body) },
		func(from, to int) (*wire.Call[int64], error) {
			c := putPart(items[from:to], high)
			c.Ordered = to-from < len(items)
			return c, nil
		},
		func(from, to int, status int64, err error) error {
			if err == nil {
				err = host.Refusal(status, contract.TypeQueue)
			}
			err = q.wrap("put", err)
			for i := from; i < to; i++ {
				outcomes[i].Err = err
			}
			return err
		})
	return outcomes, failed
}

// priority is what put.lua is told of it.
func priority(opts []PutOptions) string {
	if len(opts) > 0 && opts[len(opts)-1].Priority == High {
		return "1"
	}
	return "0"
}

// putPart puts items that were checked, in one call.
func putPart(items []Item, priority string) *wire.Call[int64] {
	size := 0
	for _, it := range items {
		size += len(it.ID) + len(it.Body)
	}
	args := wire.NewArgs(4*len(items), size+16)
	for i, it := range items {
		args = args.NumberIf(i == 0).String(it.ID).Bytes(it.Body).String(priority)
	}
	c := wire.NewCall(put, len(items), args, wire.Worst)
	c.Numbered, c.Repeatable = true, true
	return c
}

func (q *Queue) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("queue %q: %s: %w", q.h.Name(), op, err)
}

// ask sends c to the queue's actor and waits for the answer.
func ask[T any](ctx context.Context, q *Queue, c *wire.Call[T]) (T, error) {
	return host.Ask(ctx, q.h, contract.TypeQueue, c)
}
