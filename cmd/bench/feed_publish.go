package main

import (
	"context"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/contract"
)

func init() {
	register(Scenario{
		Name:   "feed/publish",
		Doc:    "many callers publish to one feed, one item per call",
		Stored: true,
		Systems: map[string]System{
			report.Thoonk:  publishThoonk,
			report.Ceiling: publishCeiling,
			report.Radix:   publishRadix,
		},
	})
}

func publishThoonk(ctx context.Context, e *Env) (Result, error) {
	control, f, err := thoonkFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		_, err := f.Publish(ctx, e.payloads.at(spread(caller, n)))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, control, r.Total)
}

func publishRadix(ctx context.Context, e *Env) (Result, error) {
	f, publish, err := radixFeed(ctx, e, "publish")
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		args := append(publish.args(2), contract.NewID(), e.payloads.textAt(spread(caller, n)))
		return publish.statuses(ctx, args, 1) // 1 is added
	})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, f, r.Total)
}
