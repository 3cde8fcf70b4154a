package main

import (
	"context"
	"runtime"
	"strconv"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/cpu"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
)

// warmUp is how long a run goes on before anything is measured.
func warmUp(d time.Duration) time.Duration { return min(d/10, 500*time.Millisecond) }

// Measure makes call from -callers goroutines, as fast as it goes or at -rate. Each call does items operations.
func (e *Env) Measure(ctx context.Context, items int, call load.Call) (Result, error) {
	return e.MeasureCallers(ctx, e.callers, items, call)
}

// MeasureCallers is Measure with another number of callers.
func (e *Env) MeasureCallers(ctx context.Context, callers, items int, call load.Call) (Result, error) {
	var last load.Stats
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		var err error
		if e.rate > 0 {
			last, err = load.Open(ctx, callers, e.rate, d, call)
		} else {
			last, err = load.Closed(ctx, callers, d, call)
		}
		return last.Calls * int64(items), last.Elapsed, err
	})
	if err != nil {
		return r, err
	}
	r.Callers = callers
	if e.rate > 0 {
		r.Rate = report.Of(e.rate)
		r.Set("late", float64(last.Late))
	}
	r.Latencies(last.Latency)
	return r, nil
}

// MeasurePipeline sends calls that were built beforehand to a plain connection, four in flight (more with -rtt), each
// for items operations. It has no callers and no latencies.
func (e *Env) MeasurePipeline(ctx context.Context, conn *direct.Conn, items int, p direct.Pipeline) (Result, error) {
	p.Depth = e.depth()
	from := e.before / batchItems // calls have numbers, and these were used
	return e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		calls, elapsed, err := conn.Run(ctx, p, from, d)
		from += calls
		return calls * int64(items), elapsed, err
	})
}

// A Loop does something for about d, or until ctx ends, and counts.
type Loop func(ctx context.Context, d time.Duration) (ops int64, elapsed time.Duration, err error)

// MeasureLoop runs a loop twice, to warm up and to measure. It takes what can be told from outside: the process'
// allocations, the engines' batches, the server's processor time. Result.Total counts both times.
func (e *Env) MeasureLoop(ctx context.Context, loop Loop) (Result, error) {
	r := e.where
	r.Size, r.Callers = e.payloads.size, 1
	if e.far.trip > 0 {
		r.Set("rtt_us", float64(e.far.trip.Microseconds()))
	}
	warm, _, err := loop(ctx, warmUp(e.d))
	if err != nil {
		return r, err
	}
	r.Total = warm
	if ctx.Err() != nil {
		r.Interrupted = true
		return r, nil
	}
	runtime.GC() // so that what others left behind does not count
	stop := e.showProgress(e.d)
	before := e.meter()
	ops, elapsed, err := loop(ctx, e.d)
	after := e.meter()
	stop()
	if err != nil {
		return r, err
	}
	r.Interrupted = ctx.Err() != nil
	r.Total += ops
	r.Ops, r.Seconds = ops, elapsed.Seconds()
	if ops > 0 {
		r.PerS = float64(ops) / r.Seconds
		r.Allocs = report.Of(float64(after.mallocs-before.mallocs) / float64(ops))
		if before.cpuKnown && after.cpuKnown {
			r.RedisCPU = report.Of((after.cpu - before.cpu) / float64(ops) * 1e6)
		}
		if before.cpuKnown && cpu.Known { // else it has the server's in it
			r.CPU = report.Of(float64((after.own - before.own).Nanoseconds()) / float64(ops) / 1e3)
		}
	}
	if n := after.batches - before.batches; n > 0 {
		r.Batches = int64(n)
		r.Batch = report.Of(float64(after.commands-before.commands) / float64(n))
	}
	return r, nil
}

// A meter is what is read before and after.
type meter struct {
	mallocs           uint64
	commands, batches uint64
	cpu               float64 // seconds, of all threads of the server
	cpuKnown          bool
	own               time.Duration // processor time of this process
}

func (e *Env) meter() meter {
	var m meter
	if e.srv.kind != kindEmbedded { // there it would be our own
		user, err1 := strconv.ParseFloat(e.srv.figure("cpu", "used_cpu_user"), 64)
		sys, err2 := strconv.ParseFloat(e.srv.figure("cpu", "used_cpu_sys"), 64)
		m.cpu, m.cpuKnown = user+sys, err1 == nil && err2 == nil
	}
	for _, eng := range e.engines {
		s := eng.Stats()
		for _, kind := range []engine.KindStats{s.Feeds, s.Sorted, s.Queues, s.Jobs} {
			m.commands += kind.Commands
			m.batches += kind.Batches
		}
	}
	m.own = cpu.Used()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m.mallocs = mem.Mallocs
	return m
}

// showProgress moves the bar while a run goes on.
func (e *Env) showProgress(d time.Duration) (stop func()) {
	if e.progress == nil {
		return func() {}
	}
	start := time.Now()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				e.progress(min(1, time.Since(start).Seconds()/d.Seconds()))
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}
