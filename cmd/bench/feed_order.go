package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

func init() {
	register(Scenario{
		Name:    "feed/order",
		Doc:     "one goroutine publishes one item and many in turn, 100,000 items at most; they stand in that order",
		NoRate:  true,
		Systems: map[string]System{report.Thoonk: orderThoonk},
	})
}

const mostOrdered = 100_000

func orderThoonk(ctx context.Context, e *Env) (Result, error) {
	control, f, err := thoonkFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	var published []string
	// publish makes call n: one item, or some more each time.
	publish := func(ctx context.Context, n, most int) error {
		if n%2 == 0 {
			id, err := f.Publish(ctx, e.payloads.at(n))
			if err == nil {
				published = append(published, id)
			}
			return err
		}
		ids, err := f.PublishMany(ctx, items(e, n)[:min(most, 2+n/2%(batchItems-1))])
		published = append(published, ids...)
		return err
	}
	var latency *load.Recorder
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (ops int64, elapsed time.Duration, err error) {
		latency = load.NewRecorder()
		buffer := latency.Buffer()
		defer buffer.Flush()
		start, from := time.Now(), len(published)
		for n := 0; err == nil && ctx.Err() == nil && time.Since(start) < d && len(published)-from < mostOrdered; n++ {
			begin := time.Now()
			if err = publish(context.WithoutCancel(ctx), n, mostOrdered+from-len(published)); err == nil {
				buffer.Record(time.Since(begin))
			}
		}
		return int64(len(published) - from), time.Since(start), err
	})
	if err != nil {
		return r, err
	}
	r.Latencies(latency.Histogram())
	ids, err := control.IDs(context.WithoutCancel(ctx))
	if err != nil {
		return r, err
	}
	if !slices.Equal(ids, published) {
		return r, fmt.Errorf("WRONG RESULT: the feed has %d ids that differ from the %d that were published, or their order does", len(ids), len(published))
	}
	return r, checkLen(ctx, e, control, int64(len(published)))
}
