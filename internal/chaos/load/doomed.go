package load

import (
	"context"
	"errors"
	"time"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// doomed uses names that somebody deletes again and again. What is in them is nobody's concern, but every call has to come
// back with an answer, and the names can be made again.
func (p *process) doomed() {
	p.callers(2, func(c *caller) func() {
		d := &onDoomed{caller: c}
		return d.act
	})
}

type onDoomed struct {
	*caller
	opened bool
	queue  *queue.Queue
	feed   *feed.Feed
	jobs   *job.Jobs
}

func (d *onDoomed) act() {
	if !d.opened {
		var a, b, c bool
		d.queue, a = d.caller.queue(DoomedQueue)
		d.feed, b = d.caller.feed(DoomedFeed, feed.Config{MaxLength: Bound})
		d.jobs, c = d.caller.jobs(DoomedSet, job.Config{})
		if d.opened = a && b && c; !d.opened {
			return
		}
	}
	calls := []struct {
		do, name string
		call     func(ctx context.Context) error
	}{
		{"put", DoomedQueue, func(ctx context.Context) error { _, err := d.queue.Put(ctx, nil); return err }},
		{"get", DoomedQueue, func(ctx context.Context) error { _, err := d.queue.Get(ctx); return err }},
		{"publish", DoomedFeed, func(ctx context.Context) error { _, err := d.feed.Publish(ctx, nil); return err }},
		{"put job", DoomedSet, func(ctx context.Context) error { _, err := d.jobs.Put(ctx, nil); return err }},
		{"work", DoomedSet, func(ctx context.Context) error {
			claim, err := d.jobs.Get(ctx)
			if err != nil {
				return err
			}
			return claim.Finish(ctx, nil)
		}},
	}
	one := calls[d.rnd.IntN(len(calls))]
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(d.rnd.IntN(300))*time.Millisecond)
	defer cancel()
	err := d.call(ctx, ledger.Record{Do: one.do, Name: one.name}, func(*ledger.Record) error { return one.call(ctx) })
	if errors.Is(err, engine.ErrNoSuchName) {
		d.opened = false
	}
}
