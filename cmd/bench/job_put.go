package main

import (
	"context"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
)

func init() {
	register(Scenario{
		Name:   "job/put",
		Doc:    "many callers put into one job set, one job per call",
		Stored: true,
		Systems: withPeers(map[string]System{
			report.Thoonk:  putJobThoonk,
			report.Ceiling: putJobCeiling,
			report.Radix:   putJobRadix,
		}, putOnPeer(1)),
	})
	register(Scenario{
		Name: "job/put-many",
		Doc:  "the same with 64 jobs per call; ops are jobs, latencies are of calls",
		Systems: withPeers(map[string]System{
			report.Thoonk:  putJobsThoonk,
			report.Ceiling: putJobCeiling,
			report.Radix:   putJobsRadix,
		}, putOnPeer(batchItems), bullmq), // asynq has no such call
	})
}

func putJobThoonk(ctx context.Context, e *Env) (Result, error) {
	control, j, _, err := thoonkJobs(ctx, e, engine.Config{})
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		_, err := j.Put(ctx, e.payloads.at(spread(caller, n)))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, control, r.Total, 0, 0)
}

func putJobsThoonk(ctx context.Context, e *Env) (Result, error) {
	control, j, _, err := thoonkJobs(ctx, e, engine.Config{})
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, batchItems, func(ctx context.Context, caller, n int) error {
		bodies := make([][]byte, batchItems)
		for i := range bodies {
			bodies[i] = e.payloads.at(spread(caller, n) + i)
		}
		_, err := j.PutMany(ctx, bodies)
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, control, r.Total, 0, 0)
}

func putJobCeiling(ctx context.Context, e *Env) (Result, error) {
	j, conn, err := directJobs(ctx, e)
	if err != nil {
		return Result{}, err
	}
	r, err := e.MeasurePipeline(ctx, conn, batchItems, direct.Pipeline{Next: jobPuts(e, j.Name()).next, Check: allPut})
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, j, r.Total, 0, 0)
}

func putJobRadix(ctx context.Context, e *Env) (Result, error) { return putRadixJobs(ctx, e, 1) }
func putJobsRadix(ctx context.Context, e *Env) (Result, error) {
	return putRadixJobs(ctx, e, batchItems)
}

// putRadixJobs has that many jobs in each EvalScript: the same vector script, without other callers' jobs.
func putRadixJobs(ctx context.Context, e *Env, perCall int) (Result, error) {
	j, callers, err := radixJobs(ctx, e, e.callers)
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, perCall, func(ctx context.Context, caller, n int) error {
		ids, bodies := make([]string, perCall), make([]string, perCall)
		for i := range ids {
			ids[i], bodies[i] = contract.NewID(), e.payloads.textAt(spread(caller, n)+i)
		}
		return callers[caller].put(ctx, ids, bodies)
	})
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, j, r.Total, 0, 0)
}
