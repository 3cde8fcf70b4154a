package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/pool"
)

func init() {
	register(Scenario{
		Name:   "job/idle",
		Doc:    "an engine with a handler for each of -jobsets empty job sets: what they cost; then a put wakes each of them",
		NoRate: true,
		Flags: func(fs *pflag.FlagSet) {
			intFlag(fs, "jobsets", 100, "job sets of job/idle")
		},
		Systems: map[string]System{report.Thoonk: idleJobsThoonk},
	})
}

// maintenance is how often an idle job set is looked after. What is counted in a time that is not a multiple of it has
// too many looks or too few.
const maintenance = 4 * time.Second

// idleTime is how long nothing happens: whole looks, except in a run that is too short for one, which tells nothing.
func idleTime(d time.Duration) time.Duration {
	if d < time.Second {
		return d
	}
	return (d + maintenance - 1) / maintenance * maintenance
}

func idleJobsThoonk(ctx context.Context, e *Env) (Result, error) {
	n := e.Int("jobsets")
	sets := make([]*job.Jobs, n) // the control engine's
	for i := range sets {
		var err error
		if sets[i], err = newJobs(ctx, e); err != nil {
			return Result{}, err
		}
	}
	goroutines, connections := runtime.NumGoroutine(), e.srv.connections()
	eng, err := e.Engine(ctx)
	if err != nil {
		return Result{}, err
	}
	begun := make(chan *job.Claim, 1)
	for _, s := range sets {
		j, err := eng.Jobs(ctx, s.Name(), job.Config{})
		if err != nil {
			return Result{}, err
		}
		run := func(_ context.Context, c *job.Claim) ([]byte, error) {
			begun <- c
			return nil, nil
		}
		if err := eng.Handle(ctx, j, run, pool.Options{}); err != nil {
			return Result{}, err
		}
	}
	if err := quiet(ctx, eng, n); err != nil {
		return Result{}, err
	}

	latency := load.NewRecorder()
	buffer := latency.Buffer()
	figures := map[string]float64{
		"connections": float64(e.srv.connections() - connections),
		"goroutines":  float64(runtime.NumGoroutine() - goroutines),
	}
	waited := false
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		if !waited { // there is nothing to warm up
			waited = true
			return 0, d, nil
		}
		cpu, reads, start := e.meter().cpu, e.reads(), time.Now()
		select {
		case <-time.After(idleTime(d)):
		case <-ctx.Done():
		}
		now, s := e.reads(), time.Since(start).Seconds()
		whole := d >= time.Second && ctx.Err() == nil
		if reads >= 0 && whole {
			figures["commands_per_s"] = float64(now-reads-1) / s // one is our own
		}
		if m := e.meter(); m.cpuKnown && whole {
			figures["redis_cpu_us_per_s"] = (m.cpu - cpu) / s * 1e6
		}
		begin := time.Now()
		ops, err := wakeEach(ctx, e, sets, begun, buffer)
		return ops, time.Since(begin), err
	})
	if err != nil {
		return r, err
	}
	buffer.Flush()
	r.Latencies(latency.Histogram())
	r.Callers, r.RedisCPU = n, nil
	for name, v := range figures {
		r.Set(name, v)
	}
	for _, s := range sets[:r.Total] {
		if err := finishedAll(ctx, s, func() int64 { return 1 }); err != nil {
			return r, err
		}
		if err := checkJobs(ctx, e, s, 0, 0, 1); err != nil {
			return r, err
		}
	}
	return r, nil
}

// quiet waits until the waker waits for every job set and each has been looked after for the first time, which takes a
// second.
func quiet(ctx context.Context, eng *engine.Engine, sets int) error {
	const long, patience = 200 * time.Millisecond, 20 * time.Second
	last, since, start := uint64(0), time.Now(), time.Now()
	for {
		s := eng.Stats()
		if n := s.Jobs.Commands + s.Waker.Pops; s.Waker.Names < sets || n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) > long {
			return nil
		}
		if time.Since(start) > patience {
			return fmt.Errorf("WRONG RESULT: of %d job sets %d wait after %v, %d commands were sent", sets, s.Waker.Names, patience, last)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// wakeEach puts a job into each set, one after the other, and waits until its handler has begun.
func wakeEach(ctx context.Context, e *Env, sets []*job.Jobs, begun <-chan *job.Claim, buffer *load.Buffer) (ops int64, err error) {
	for i, s := range sets {
		if ctx.Err() != nil {
			return ops, nil
		}
		start := time.Now()
		id, err := s.Put(context.WithoutCancel(ctx), e.payloads.at(i))
		if err != nil {
			return ops, err
		}
		select {
		case c := <-begun:
			buffer.Record(time.Since(start))
			if c.ID != id || c.Jobs().Name() != s.Name() || !bytes.Equal(c.Body, e.payloads.at(i)) {
				return ops, errWrongItem
			}
			ops++
		case <-time.After(10 * time.Second):
			return ops, errNotWoken
		}
	}
	return ops, nil
}

// reads is how often the server has read from a client; -1 if it does not tell. Commands that are sent one at a time are
// as many. To count commands themselves would include those that scripts call.
func (e *Env) reads() int64 {
	n, err := strconv.ParseInt(e.srv.figure("stats", "total_reads_processed"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
