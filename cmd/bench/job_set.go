package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// workersFlag is for scenarios with handlers.
func workersFlag(fs *pflag.FlagSet) {
	intFlag(fs, "workers", 100, "handlers that run at once, of job/drain and job/pipeline")
}

// newJobs creates an empty job set. The handle is the control engine's: for filling and checking, not for measuring.
func newJobs(ctx context.Context, e *Env) (*job.Jobs, error) {
	name := e.Name()
	e.leaves = append(e.leaves, name)
	j, err := e.Control().Jobs(ctx, name, job.Config{})
	if err != nil {
		return nil, err
	}
	return j, e.prefill(ctx, jobScript("put"), func() func(int64) []byte { return jobPuts(e, name).next }, allPut)
}

// thoonkJobs is an empty job set twice, for the control engine and for the one to be measured, and that engine.
func thoonkJobs(ctx context.Context, e *Env, cfg engine.Config) (control, measured *job.Jobs, eng *engine.Engine, err error) {
	if control, err = newJobs(ctx, e); err != nil {
		return nil, nil, nil, err
	}
	if eng, err = e.EngineWith(ctx, cfg); err != nil {
		return nil, nil, nil, err
	}
	measured, err = eng.Jobs(ctx, control.Name(), job.Config{})
	return control, measured, eng, err
}

// directJobs is an empty job set, and a plain connection whose server knows the scripts.
func directJobs(ctx context.Context, e *Env) (*job.Jobs, *direct.Conn, error) {
	j, err := newJobs(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	conn, err := e.Direct(ctx)
	for _, verb := range []string{"put", "claim", "finish"} {
		if err == nil {
			err = conn.Load(ctx, jobScript(verb))
		}
	}
	return j, conn, err
}

func jobScript(verb string) *wire.Script { return script(job.Scripts(), "job/"+verb) }

// jobPuts are calls that put 64 jobs each, each with a number: as the engine sends the calls of 64 callers.
func jobPuts(e *Env, name string) *prebuilt {
	return newPrebuilt(jobScript("put"), name, e.payloads, func(args wire.Args, _ int, id string, body []byte) wire.Args {
		return args.Number().String(id).Bytes(body).String("")
	})
}

// A jobCaller is one caller of a job set's scripts on a radix pool: an engine of its own, for its calls have numbers.
type jobCaller struct {
	putting, claiming, finishing *radixScript

	calls int64
	_     [32]byte // a whole cache line: each has its own goroutine
}

func radixJobs(ctx context.Context, e *Env, callers int) (*job.Jobs, []jobCaller, error) {
	j, err := newJobs(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	client, err := e.Radix(ctx)
	if err != nil {
		return nil, nil, err
	}
	all := jobCaller{
		putting:   newRadixScript(client, jobScript("put"), j.Name()),
		claiming:  newRadixScript(client, jobScript("claim"), j.Name()),
		finishing: newRadixScript(client, jobScript("finish"), j.Name()),
	}
	list := make([]jobCaller, callers)
	for i := range list {
		list[i] = all
		name := fmt.Sprint("c", i)
		list[i].putting, list[i].claiming = all.putting.as(name), all.claiming.as(name)
	}
	return j, list, nil
}

// number is that of the next call.
func (c *jobCaller) number() string {
	c.calls++
	return fmt.Sprintf("%016d", c.calls)
}

// put puts jobs in one call.
func (c *jobCaller) put(ctx context.Context, ids, bodies []string) error {
	args, number := c.putting.args(4*len(ids)), c.number()
	for i, id := range ids {
		args = append(args, number, id, bodies[i], "")
		number = ""
	}
	return c.putting.statuses(ctx, args, int64(len(ids)))
}

// claim claims one job, which there must be.
func (c *jobCaller) claim(ctx context.Context) (id, token string, body []byte, err error) {
	var reply [][]any
	args := append(c.claiming.args(6), c.number(), "0", "1", "radix", "0", "600000")
	if err := c.claiming.do(ctx, &reply, args); err != nil {
		return "", "", nil, err
	}
	if len(reply) == 1 && len(reply[0]) == 6 {
		name, _ := reply[0][2].([]byte)
		if list, _ := reply[0][5].([]any); len(list) == 4 {
			one, _ := list[0].([]byte)
			body, _ = list[1].([]byte)
			return string(one), string(name), body, nil
		}
	}
	return "", "", nil, errWrongItem
}

func (c *jobCaller) finish(ctx context.Context, id, token string) error {
	return c.finishing.statuses(ctx, append(c.finishing.args(3), id, token, ""), 1)
}

// checkJobs is an error unless the job set holds exactly these: available, claimed, and finished since it was created.
func checkJobs(ctx context.Context, e *Env, j *job.Jobs, available, claimed, finished int64) error {
	available += e.before
	c, err := j.Counts(context.WithoutCancel(ctx)) // an interrupted run is checked too
	if err != nil {
		return err
	}
	want := job.Counts{
		Available: int(available), Claimed: int(claimed), Jobs: int(available + claimed),
		Put: available + claimed + finished, Finished: finished, Paused: c.Paused,
	}
	if c != want {
		return fmt.Errorf("WRONG RESULT: %s has %+v, it must have %+v", j.Name(), c, want)
	}
	return checkItems(e, j.Name(), available+claimed)
}

// finishedAll waits until all jobs that were run are finished, in Redis too.
func finishedAll(ctx context.Context, j *job.Jobs, ran func() int64) error {
	ctx = context.WithoutCancel(ctx)
	const patience = 20 * time.Second
	for start := time.Now(); ; {
		c, err := j.Counts(ctx)
		if err != nil {
			return err
		}
		if c.Claimed == 0 && c.Finished == ran() {
			return nil
		}
		if time.Since(start) > patience {
			return fmt.Errorf("WRONG RESULT: %s has %+v after %v, %d jobs were run", j.Name(), c, patience, ran())
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// perJob keeps the round trips that each job has cost: those of the job sets' commands, and pops of the waker.
func perJob(r *Result, pops uint64) {
	if r.Ops > 0 {
		r.Set("round_trips_per_job", (float64(r.Batches)+float64(pops))/float64(r.Ops))
	}
}
