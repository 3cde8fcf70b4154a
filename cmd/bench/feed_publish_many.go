package main

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/contract"
)

func init() {
	register(Scenario{
		Name: "feed/publish-many",
		Doc:  "many callers publish to one feed, 64 items per call; ops are items, latencies are of calls",
		Systems: map[string]System{
			report.Thoonk:  publishManyThoonk,
			report.Ceiling: publishCeiling,
			report.Radix:   publishManyRadix,
		},
	})
}

func publishManyThoonk(ctx context.Context, e *Env) (Result, error) {
	control, f, err := thoonkFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, batchItems, func(ctx context.Context, caller, n int) error {
		_, err := f.PublishMany(ctx, items(e, spread(caller, n)))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, control, r.Total)
}

// items are 64 new ones.
func items(e *Env, from int) []feed.Item {
	list := make([]feed.Item, batchItems)
	for i := range list {
		list[i].Body = e.payloads.at(from + i)
	}
	return list
}

// publishManyRadix has 64 items in each EvalScript: the same vector script, without other callers' items.
func publishManyRadix(ctx context.Context, e *Env) (Result, error) {
	f, publish, err := radixFeed(ctx, e, "publish")
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, batchItems, func(ctx context.Context, caller, n int) error {
		return radixPublishMany(ctx, e, publish, spread(caller, n))
	})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, f, r.Total)
}

func radixPublishMany(ctx context.Context, e *Env, publish *radixScript, from int) error {
	args := publish.args(2 * batchItems)
	for i := range batchItems {
		args = append(args, contract.NewID(), e.payloads.textAt(from+i))
	}
	return publish.statuses(ctx, args, batchItems) // 1 is added
}
