package main

import (
	"context"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/contract"
)

func init() {
	register(Scenario{
		Name:   "queue/put",
		Doc:    "many callers put into one queue, one item per call",
		Stored: true,
		Systems: map[string]System{
			report.Thoonk:  putThoonk,
			report.Ceiling: putCeiling,
			report.Radix:   putRadix,
		},
	})
}

func putThoonk(ctx context.Context, e *Env) (Result, error) {
	control, q, err := thoonkQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		_, err := q.Put(ctx, e.payloads.at(spread(caller, n)))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, control, r.Total)
}

func putCeiling(ctx context.Context, e *Env) (Result, error) {
	q, conn, err := directQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	r, err := e.MeasurePipeline(ctx, conn, batchItems, direct.Pipeline{Next: puts(e, q.Name()).next, Check: allPut})
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, q, r.Total)
}

func putRadix(ctx context.Context, e *Env) (Result, error) {
	q, callers, err := radixQueue(ctx, e, "put")
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		c := &callers[caller]
		args := append(c.args(4), c.number(), contract.NewID(), e.payloads.textAt(spread(caller, n)), "0")
		return c.statuses(ctx, args, 1)
	})
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, q, r.Total)
}
