package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/pool"
)

func init() {
	register(Scenario{
		Name:  "job/pipeline",
		Doc:   "many callers put while -workers handlers run, until all is done; ops are jobs, latencies are of puts",
		Flags: workersFlag,
		Systems: map[string]System{
			report.Thoonk:  pipelineThoonk,
			report.Ceiling: pipelineCeiling,
			report.Radix:   pipelineRadix,
		},
	})
}

func pipelineThoonk(ctx context.Context, e *Env) (Result, error) {
	control, j, eng, err := thoonkJobs(ctx, e, engine.Config{})
	if err != nil {
		return Result{}, err
	}
	var ran atomic.Int64
	if err := eng.Handle(ctx, j, func(_ context.Context, c *job.Claim) ([]byte, error) {
		ran.Add(1)
		return nil, nil
	}, pool.Options{Workers: e.Int("workers")}); err != nil {
		return Result{}, err
	}
	put := func(ctx context.Context, caller, n int) error {
		_, err := j.Put(ctx, e.payloads.at(spread(caller, n)))
		return err
	}
	var stats load.Stats
	var left int
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		start, before := time.Now(), ran.Load()
		var err error
		if e.rate > 0 {
			stats, err = load.Open(ctx, e.callers, e.rate, d, put)
		} else {
			stats, err = load.Closed(ctx, e.callers, d, put)
		}
		if err != nil {
			return 0, 0, err
		}
		c, err := control.Counts(context.WithoutCancel(ctx))
		if err != nil {
			return 0, 0, err
		}
		left = c.Available
		err = finishedAll(ctx, control, func() int64 { return before + stats.Calls })
		return stats.Calls, time.Since(start), err
	})
	if err != nil {
		return r, err
	}
	r.Callers = e.callers
	r.Latencies(stats.Latency)
	perJob(&r, eng.Stats().Waker.Pops)
	r.Set("left_after_puts", float64(left))
	if e.rate > 0 {
		r.Rate = report.Of(e.rate)
		r.Set("late", float64(stats.Late))
	}
	if err := same("how often the handler ran", ran.Load(), r.Total); err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, control, 0, 0, r.Total)
}

// pipelineCeiling has three calls for 64 jobs. Calls 0 to 3 put and claim twice; then come a put, the finish of the
// claim before the last, and a claim, so that a finish is sent when the answer to its claim is there. With more calls in
// flight it puts and claims more often in the beginning.
func pipelineCeiling(ctx context.Context, e *Env) (Result, error) {
	j, conn, err := directJobs(ctx, e)
	if err != nil {
		return Result{}, err
	}
	puts := jobPuts(e, j.Name())
	ahead := int64(e.depth()) // even
	claims := newJobCeiling(puts, j.Name(), e.depth())
	which := func(i int64) (verb, n int64) {
		if i < ahead {
			return [...]int64{0, 2}[i%2], i / 2
		}
		verb, n = (i-ahead)%3, (i-ahead)/3
		if verb != 1 {
			n += ahead / 2
		}
		return verb, n
	}
	p := direct.Pipeline{
		Depth: e.depth(),
		Next: func(i int64) []byte {
			switch verb, n := which(i); verb {
			case 0:
				return puts.next(n)
			case 1:
				return claims.finishOf(n)
			default:
				return claims.claim(n)
			}
		},
		Check: func(i int64, reply direct.Reply) error {
			verb, n := which(i)
			if verb == 2 {
				return claims.brought(n, reply)
			}
			return allPut(n, reply) // or finished
		},
	}
	calls := int64(0)
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		n, elapsed, err := conn.Run(ctx, p, calls, d)
		calls += n
		return n * batchItems / 3, elapsed, err
	})
	if err != nil {
		return r, err
	}
	var done [3]int64 // jobs put, finished, claimed
	for i := range calls {
		verb, _ := which(i)
		done[verb] += batchItems
	}
	return r, checkJobs(ctx, e, j, done[0]-done[2], done[2]-done[1], done[1])
}

// pipelineRadix has each caller put a job, claim one, which may be another, and finish it: with a call each.
func pipelineRadix(ctx context.Context, e *Env) (Result, error) {
	j, callers, err := radixJobs(ctx, e, e.callers)
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		c := &callers[caller]
		if err := c.put(ctx, []string{contract.NewID()}, []string{e.payloads.textAt(spread(caller, n))}); err != nil {
			return err
		}
		id, token, _, err := c.claim(ctx)
		if err == nil {
			err = c.finish(ctx, id, token)
		}
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, j, 0, 0, r.Total)
}
