package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/pool"
)

func init() {
	register(Scenario{
		Name:   "job/drain",
		Doc:    "-workers handlers that do nothing run the jobs of a set that was filled before; ops are jobs claimed, run and finished",
		Flags:  workersFlag,
		NoRate: true,
		Systems: withPeers(map[string]System{
			report.Thoonk:  drainJobsThoonk,
			report.Ceiling: drainJobsCeiling,
			report.Radix:   drainJobsRadix,
		}, drainOnPeer, peers...),
	})
}

// drainPerS is how many jobs are filled in for each second of a run; one that is faster ends early. It is the same for all
// systems, because Redis is slower with more.
const drainPerS = 200_000

// A jobDrain is a job set full of jobs, and which of them have been run.
type jobDrain struct {
	drain
	control, measured *job.Jobs

	ran  atomic.Int64
	over chan struct{} // closed when all have been run, or one has gone wrong
	end  sync.Once
	err  error
}

// fillJobs puts what can be run in the time of a run.
func fillJobs(ctx context.Context, e *Env, control *job.Jobs) (*jobDrain, error) {
	if err := e.fits(); err != nil {
		return nil, err
	}
	conn, err := e.Near(ctx)
	if err == nil {
		err = conn.Load(ctx, jobScript("put"))
	}
	if err != nil {
		return nil, err
	}
	calls := max(8, min(e.fills(drainPerS), drainItems, drainBytes/int64(e.payloads.size+1))/batchItems)
	d := &jobDrain{
		drain:   drain{puts: jobPuts(e, control.Name()), items: calls * batchItems, taken: make([]atomic.Uint64, calls*batchItems/64)},
		control: control,
		over:    make(chan struct{}),
	}
	done, _, err := conn.Run(ctx, direct.Pipeline{Depth: 4, Most: calls, Next: d.puts.next, Check: allPut}, 0, time.Hour)
	if err == nil && done < calls {
		err = context.Cause(ctx)
	}
	return d, err
}

// run is the handler.
func (d *jobDrain) run(_ context.Context, c *job.Claim) ([]byte, error) {
	err := d.took(c.ID, c.Body)
	if n := d.ran.Add(1); err != nil || n == d.items {
		d.end.Do(func() {
			d.err = err
			close(d.over)
		})
	}
	return nil, err
}

// loop lets the handlers run for some time, or until no more jobs are left. It ends when what was run is finished.
func (d *jobDrain) loop(ctx context.Context, t time.Duration) (int64, time.Duration, error) {
	before, start := d.ran.Load(), time.Now()
	if err := d.measured.Resume(ctx); err != nil {
		return 0, 0, err
	}
	enough := time.NewTimer(t)
	defer enough.Stop()
	var err error
	select {
	case <-d.over:
		err = d.err
	case <-ctx.Done():
		err = d.control.Pause(context.WithoutCancel(ctx))
	case <-enough.C:
		err = d.control.Pause(ctx)
	}
	if err == nil {
		err = finishedAll(ctx, d.control, d.ran.Load)
	}
	return d.ran.Load() - before, time.Since(start), err
}

func drainJobsThoonk(ctx context.Context, e *Env) (Result, error) {
	control, j, eng, err := thoonkJobs(ctx, e, engine.Config{})
	if err != nil {
		return Result{}, err
	}
	if err := control.Pause(ctx); err != nil {
		return Result{}, err
	}
	d, err := fillJobs(ctx, e, control)
	if err != nil {
		return Result{}, err
	}
	d.measured = j
	if err := eng.Handle(ctx, j, d.run, pool.Options{Workers: e.Int("workers")}); err != nil {
		return Result{}, err
	}
	r, err := e.MeasureLoop(ctx, d.loop)
	r.Callers = e.Int("workers")
	if err != nil {
		return r, err
	}
	perJob(&r, eng.Stats().Waker.Pops)
	if r.Interrupted {
		return r, checkJobs(ctx, e, control, d.items-r.Total, 0, r.Total)
	}
	return r, d.rest(ctx, e)
}

// rest runs what is left and checks that every job has been run once.
func (d *jobDrain) rest(ctx context.Context, e *Env) error {
	if err := d.measured.Resume(ctx); err != nil {
		return err
	}
	select {
	case <-d.over:
	case <-ctx.Done():
		return nil // of a run that is complete, only the check is missing
	case <-time.After(time.Minute):
		return errors.New("WRONG RESULT: jobs are left that nobody runs")
	}
	err := d.err
	if err == nil {
		err = finishedAll(ctx, d.control, d.ran.Load)
	}
	if err == nil {
		err = checkJobs(ctx, e, d.control, 0, 0, d.items)
	}
	if err == nil {
		err = d.all(nil)
	}
	return err
}

// drainJobsRadix has -workers goroutines claim a job, and finish it, with a call each.
func drainJobsRadix(ctx context.Context, e *Env) (Result, error) {
	workers := e.Int("workers")
	control, callers, err := radixJobs(ctx, e, workers)
	if err != nil {
		return Result{}, err
	}
	d, err := fillJobs(ctx, e, control)
	if err != nil {
		return Result{}, err
	}
	r, err := e.MeasureCallers(ctx, workers, 1, func(ctx context.Context, caller, _ int) error {
		if err := d.ticket(); err != nil {
			return err
		}
		c := &callers[caller]
		id, token, body, err := c.claim(ctx)
		if err == nil {
			err = d.took(id, body)
		}
		if err == nil {
			err = c.finish(ctx, id, token)
		}
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, control, d.items-r.Total, 0, r.Total)
}
