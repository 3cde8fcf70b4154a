package main

import (
	"context"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

func init() {
	register(Scenario{
		Name:   "sorted/append",
		Doc:    "many callers append to one sorted feed, one item per call",
		Stored: true,
		Systems: map[string]System{
			report.Thoonk:  appendThoonk,
			report.Ceiling: appendCeiling,
			report.Radix:   appendRadix,
		},
	})
}

func appendThoonk(ctx context.Context, e *Env) (Result, error) {
	control, s, err := thoonkSorted(ctx, e)
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		_, err := s.Append(ctx, e.payloads.at(spread(caller, n)))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkSortedOrder(ctx, e, control, r.Total)
}

func appendRadix(ctx context.Context, e *Env) (Result, error) {
	s, err := newSorted(ctx, e)
	if err != nil {
		return Result{}, err
	}
	client, err := e.Radix(ctx)
	if err != nil {
		return Result{}, err
	}
	insert := newRadixScript(client, sortedScript("insert"), s.Name())
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		_, err := insert.one(ctx, "last", "", e.payloads.textAt(spread(caller, n)))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkSortedOrder(ctx, e, s, r.Total)
}
