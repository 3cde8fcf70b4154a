package feed

import (
	"context"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// AsyncOptions are for Feed.Async. The zero value is right for most.
type AsyncOptions struct {
	// Pending is how many items may be accepted and not yet stored. One more waits, and so
	// does one behind 64 MiB of them. Defaults to 4096.
	Pending int
}

// An Async publishes without waiting for the answers: for callers that would need a
// goroutine for each item on its way. Items take effect in the order in which they were
// accepted; towards other calls of the feed they have no order before Flush. Safe for
// concurrent use. It needs no closing; when the engine closes, what was accepted is
// answered: with ErrStopped if it was not sent.
type Async struct {
	feed *Feed
	sent *host.Async[wire.Command]
}

// Async returns a new Async of the feed.
func (f *Feed) Async(o AsyncOptions) *Async {
	return &Async{feed: f, sent: host.NewAsync(host.AsyncConfig[wire.Command]{
		Name:    f.h,
		Pending: o.Pending,
		Call: func(p *host.Part, groups int) actor.Asker[[]int64] {
			c := wire.NewCall(publish, groups, p.Args, wire.Statuses)
			c.Repeatable, c.Ordered = true, true
			return c
		},
		Outcome: func(status int64) error { return host.Refusal(status, contract.TypeFeed) },
		After: func(status int64) {
			if status > edited {
				_ = f.trim(context.Background()) // what is left of this, the next publish does
			}
		},
		Wrap: func(err error) error { return f.wrap("publish", err) },
	})}
}

// Publish accepts an item under a generated id, which it returns. It blocks only while
// Pending items or 64 MiB are on their way, at most until ctx ends; an error means that
// the item was not accepted, and wraps ErrNotSent. body can be used again at once.
//
// done, if it is not nil, is called once with what Feed.Publish would have returned, in
// the order of acceptance, on a goroutine of the Async. It holds up those behind it
// until it returns or ends its goroutine (runtime.Goexit, t.FailNow), and
// must not call the Async.
func (a *Async) Publish(ctx context.Context, body []byte, done func(id string, err error)) (id string, err error) {
	id = contract.NewID()
	if err := a.publish(ctx, Item{ID: id, Body: body}, done); err != nil {
		return "", err
	}
	return id, nil
}

// PublishAs is Publish under an id of yours: it adds an item, or edits the one that has it.
func (a *Async) PublishAs(ctx context.Context, id string, body []byte, done func(id string, err error)) error {
	return a.publish(ctx, Item{ID: id, Body: body}, done)
}

func (a *Async) publish(ctx context.Context, it Item, done func(string, error)) error {
	if err := a.feed.check(it); err != nil {
		return a.feed.wrap("publish", host.Refused(err))
	}
	return a.sent.Add(ctx, it.ID, done, func(p *host.Part, _ bool) {
		p.Args = p.Args.String(it.ID).Bytes(it.Body)
	})
}

// Flush waits until all items accepted before it are answered, or ctx ends. It returns
// the first error among all items answered since the last Flush.
func (a *Async) Flush(ctx context.Context) error { return a.sent.Flush(ctx) }
