package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/pool"
)

func init() {
	register(Scenario{
		Name:    "job/delayed",
		Doc:     "jobs with delays of 50 ms to 1.5 s, put at random moments; latencies are by how much a handler starts late",
		Systems: withPeers(map[string]System{report.Thoonk: delayedThoonk}, delayedOnPeer),
	})
}

const (
	shortDelay = 50 * time.Millisecond
	longDelay  = 1500 * time.Millisecond
)

// A delayedRun keeps when jobs are due, and how late each was.
type delayedRun struct {
	mu     sync.Mutex
	due    map[string]time.Time // of those that have not run
	ran    int64
	buffer *load.Buffer
	err    error
	none   chan struct{} // told when the last one has run
}

func delayedThoonk(ctx context.Context, e *Env) (Result, error) {
	control, j, eng, err := thoonkJobs(ctx, e, engine.Config{})
	if err != nil {
		return Result{}, err
	}
	d := &delayedRun{due: make(map[string]time.Time), none: make(chan struct{}, 1)}
	if err := eng.Handle(ctx, j, d.run, pool.Options{}); err != nil {
		return Result{}, err
	}
	mean := e.meanPause()
	random := rand.New(rand.NewPCG(5, 6))
	var latency *load.Recorder
	longest := 2 * shortDelay // to warm up
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, t time.Duration) (ops int64, elapsed time.Duration, err error) {
		latency = load.NewRecorder()
		d.mu.Lock()
		d.buffer = latency.Buffer()
		d.mu.Unlock()
		start := time.Now()
		for (ops == 0 || time.Since(start) < t) && ctx.Err() == nil && err == nil {
			wait(ctx, pause(random, mean))
			delay := shortDelay + time.Duration(random.Int64N(int64(longest-shortDelay)))
			err = d.put(context.WithoutCancel(ctx), j, e.payloads.at(int(ops)), delay.Truncate(time.Millisecond))
			ops++
		}
		longest = longDelay
		if err == nil {
			err = d.wait()
		}
		return ops, time.Since(start), err
	})
	if err != nil {
		return r, err
	}
	d.buffer.Flush() // nothing runs any more
	r.Rate = e.pauseRate()
	r.Latencies(latency.Histogram())
	if err := finishedAll(ctx, control, func() int64 { return r.Total }); err != nil {
		return r, err
	}
	if err := same("how often the handler ran", d.ran, r.Total); err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, control, 0, 0, r.Total)
}

// put counts the delay from before the call. Redis counts it from when it has the job, in whole milliseconds.
func (d *delayedRun) put(ctx context.Context, j *job.Jobs, body []byte, delay time.Duration) error {
	id := contract.NewID()
	d.mu.Lock()
	d.due[id] = time.Now().Add(delay)
	d.mu.Unlock()
	_, err := j.Put(ctx, body, job.PutOptions{ID: id, Delay: delay})
	return err
}

// run is the handler.
func (d *delayedRun) run(_ context.Context, c *job.Claim) ([]byte, error) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ran++
	due, ok := d.due[c.ID]
	late := now.Sub(due)
	switch {
	case !ok:
		d.err = errWrongItem
	case late < -time.Millisecond:
		d.err = fmt.Errorf("WRONG RESULT: a job was run %v before it was due", -late)
	}
	delete(d.due, c.ID)
	d.buffer.Record(max(late, time.Microsecond))
	if len(d.due) == 0 {
		select {
		case d.none <- struct{}{}:
		default:
		}
	}
	return nil, d.err
}

// wait waits until every job has run.
func (d *delayedRun) wait() error {
	patience := time.After(longDelay + 10*time.Second)
	for {
		d.mu.Lock()
		left, err := len(d.due), d.err
		d.mu.Unlock()
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-d.none:
		case <-patience:
			return errors.Join(d.err, fmt.Errorf("WRONG RESULT: %d delayed jobs are due for 10s and were not run", left))
		}
	}
}
