package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
)

// put enqueues one task per call.
func (b *bench) put(ctx context.Context, r driver.Request) (driver.Reply, error) {
	if r.PerCall != 1 {
		return driver.Reply{}, errors.New("asynq has no call for many tasks")
	}
	call := func(ctx context.Context, caller, n int) error {
		return b.enqueue(ctx, b.client, caller*104729+n*7919)
	}
	var s load.Stats
	var err error
	if r.Rate > 0 {
		s, err = load.Open(ctx, b.Callers, r.Rate, driver.Seconds(r.Seconds), call)
	} else {
		s, err = load.Closed(ctx, b.Callers, driver.Seconds(r.Seconds), call)
	}
	return driver.Latencies(driver.Reply{Ops: s.Calls, Seconds: s.Elapsed.Seconds(), Late: s.Late}, s.Latency), err
}

// A work is tasks that were put before, and which of them have run.
type work struct {
	jobs int64
	seen []atomic.Bool
	ran  atomic.Int64

	end   sync.Once
	begun chan struct{} // closed when the first has run
	over  chan struct{} // closed when all have run, or one has gone wrong
	err   error
}

// fill enqueues tasks whose ids are their numbers.
func (b *bench) fill(ctx context.Context, jobs int64) (driver.Reply, error) {
	b.filled = &work{jobs: jobs, seen: make([]atomic.Bool, jobs), begun: make(chan struct{}), over: make(chan struct{})}
	var next atomic.Int64
	s, err := load.Closed(ctx, b.Callers, time.Hour, func(ctx context.Context, _, _ int) error {
		n := next.Add(1) - 1
		if n >= jobs {
			return load.ErrDone
		}
		return b.enqueue(ctx, b.filler, int(n), asynq.TaskID(strconv.FormatInt(n, 10)))
	})
	return driver.Reply{Ops: s.Calls, Seconds: s.Elapsed.Seconds()}, err
}

// run lets the servers run tasks for some time, or until none is left. The servers go on. That they start is no part of
// the time.
func (b *bench) run(d time.Duration) (driver.Reply, error) {
	w := b.filled
	if b.running == nil {
		if err := b.serve(b.Workers, func(_ context.Context, t *asynq.Task) error { return w.handle(b, t) }); err != nil {
			return driver.Reply{}, err
		}
		<-w.begun
	}
	before, start := w.ran.Load(), time.Now()
	select {
	case <-time.After(d):
	case <-w.over:
	}
	return driver.Reply{Ops: w.ran.Load() - before, Seconds: time.Since(start).Seconds()}, w.failed()
}

// handle is the handler: it does nothing but look at what it got.
func (w *work) handle(b *bench, t *asynq.Task) error {
	n, err := strconv.Atoi(t.ResultWriter().TaskID())
	switch {
	case err != nil || n < 0 || int64(n) >= w.jobs || string(t.Payload()) != b.Payloads[n%len(b.Payloads)]:
		err = fmt.Errorf("WRONG RESULT: task %q is not what was put", t.ResultWriter().TaskID())
	case w.seen[n].Swap(true):
		err = fmt.Errorf("WRONG RESULT: task %d was run twice", n)
	}
	ran := w.ran.Add(1)
	if ran == 1 {
		close(w.begun)
	}
	if err != nil || ran == w.jobs {
		w.end.Do(func() {
			w.err = err
			close(w.over)
		})
	}
	return err
}

func (w *work) failed() error {
	select {
	case <-w.over:
		return w.err
	default:
		return nil
	}
}
