package queue

import (
	"context"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// AsyncOptions are for Queue.Async. The zero value is right for most.
type AsyncOptions struct {
	// Pending is how many items may be accepted and not yet stored. One more waits, and so
	// does one behind 64 MiB of them. Defaults to 4096.
	Pending int
}

// An Async puts without waiting for the answers: for callers that would need a goroutine
// for each item on its way. Items are put in the order in which they were accepted;
// towards other calls of the queue they have no order before Flush. Safe for concurrent
// use. It needs no closing; when the engine closes, what was accepted is answered: with
// ErrStopped if it was not sent.
type Async struct {
	queue *Queue
	sent  *host.Async[command]
}

// Async returns a new Async of the queue.
func (q *Queue) Async(o AsyncOptions) *Async {
	return &Async{queue: q, sent: host.NewAsync(host.AsyncConfig[command]{
		Name:    q.h,
		Pending: o.Pending,
		Call: func(p *host.Part, groups int) actor.Asker[[]int64] {
			c := wire.NewCall(put, groups, p.Args, wire.Statuses)
			c.Numbered, c.Repeatable, c.Ordered = true, true, true
			return c
		},
		Outcome: func(status int64) error { return host.Refusal(status, contract.TypeQueue) },
		Wrap:    func(err error) error { return q.wrap("put", err) },
	})}
}

// Put accepts an item and returns its generated id. It blocks only while Pending items or
// 64 MiB are on their way, at most until ctx ends; an error means that the item was not
// accepted, and wraps ErrNotSent. body can be used again at once.
//
// done, if it is not nil, is called once with what Queue.Put would have returned, in the
// order of acceptance, on a goroutine of the Async. It holds up those behind it until it
// returns or ends its goroutine (runtime.Goexit, t.FailNow), and must
// not call the Async.
func (a *Async) Put(ctx context.Context, body []byte, done func(id string, err error), opts ...PutOptions) (id string, err error) {
	if err := contract.CheckItem(body, a.queue.kind.host.MaxItem); err != nil {
		return "", a.queue.wrap("put", host.Refused(err))
	}
	id = contract.NewID()
	high := priority(opts)
	err = a.sent.Add(ctx, id, done, func(p *host.Part, first bool) {
		p.Args = p.Args.NumberIf(first).String(id).Bytes(body).String(high)
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// Flush waits until all items accepted before it are answered, or ctx ends. It returns
// the first error among all items answered since the last Flush.
func (a *Async) Flush(ctx context.Context) error { return a.sent.Flush(ctx) }
