package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
)

// asyncCallers is how many goroutines the scenarios of asynchronous calls have.
const asyncCallers = 4

func init() {
	const doc = ", by the asynchronous form, from 4 goroutines"
	register(Scenario{
		Name: "feed/publish-async", Doc: "publish to one feed" + doc, NoRate: true,
		Systems: map[string]System{report.Thoonk: publishAsync, report.Ceiling: publishCeiling},
	})
	register(Scenario{
		Name: "queue/put-async", Doc: "put into one queue" + doc, NoRate: true,
		Systems: map[string]System{report.Thoonk: putAsync, report.Ceiling: putCeiling},
	})
	register(Scenario{
		Name: "job/put-async", Doc: "put into one job set" + doc, NoRate: true,
		Systems: map[string]System{report.Thoonk: putJobAsync, report.Ceiling: putJobCeiling},
	})
}

// An asyncCall accepts an item and tells done what became of it, later.
type asyncCall func(ctx context.Context, body []byte, done func(id string, err error)) error

// measureAsync has goroutines make calls until time is up, and counts what was stored until it has been flushed.
func measureAsync(ctx context.Context, e *Env, call asyncCall, flush func(context.Context) error) (Result, error) {
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		var stored atomic.Int64
		done := func(_ string, err error) {
			if err == nil {
				stored.Add(1)
			}
		}
		var wait sync.WaitGroup
		start := time.Now()
		for caller := range asyncCallers {
			wait.Go(func() {
				for n := 0; n%64 != 0 || time.Since(start) < d && ctx.Err() == nil; n++ {
					if call(context.WithoutCancel(ctx), e.payloads.at(spread(caller, n)), done) != nil {
						return // Flush tells the reason, if it is not the end of all
					}
				}
			})
		}
		wait.Wait()
		err := flush(context.WithoutCancel(ctx))
		return stored.Load(), time.Since(start), err
	})
	r.Callers = asyncCallers
	return r, err
}

func publishAsync(ctx context.Context, e *Env) (Result, error) {
	control, f, err := thoonkFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	e.leaves = append(e.leaves, f.Name())
	a := f.Async(feed.AsyncOptions{})
	r, err := measureAsync(ctx, e, func(ctx context.Context, body []byte, done func(string, error)) error {
		_, err := a.Publish(ctx, body, done)
		return err
	}, a.Flush)
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, control, r.Total)
}

func putAsync(ctx context.Context, e *Env) (Result, error) {
	control, q, err := thoonkQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	a := q.Async(queue.AsyncOptions{})
	r, err := measureAsync(ctx, e, func(ctx context.Context, body []byte, done func(string, error)) error {
		_, err := a.Put(ctx, body, done)
		return err
	}, a.Flush)
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, control, r.Total)
}

func putJobAsync(ctx context.Context, e *Env) (Result, error) {
	control, j, _, err := thoonkJobs(ctx, e, engine.Config{})
	if err != nil {
		return Result{}, err
	}
	a := j.Async(job.AsyncOptions{})
	r, err := measureAsync(ctx, e, func(ctx context.Context, body []byte, done func(string, error)) error {
		_, err := a.Put(ctx, body, done)
		return err
	}, a.Flush)
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, control, r.Total, 0, 0)
}
