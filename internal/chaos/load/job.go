package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
	"github.com/thoonk-go/thoonk/pool"
)

func (c *caller) jobs(name string, cfg job.Config) (*job.Jobs, bool) {
	return opening(c, name, func(ctx context.Context) (*job.Jobs, error) { return c.eng.Jobs(ctx, name, cfg) })
}

func (p *process) jobProducers() {
	p.callers(2, func(c *caller) func() {
		j, ok := c.jobs(Set, JobConfig)
		if !ok {
			return nil
		}
		return func() { c.putJob(j) }
	})
	p.callers(1, func(c *caller) func() { // somebody looks after what was put aside
		j, ok := c.jobs(Set, JobConfig)
		if !ok {
			return nil
		}
		return func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = c.call(ctx, ledger.Record{Do: "retry all", Name: Set}, func(*ledger.Record) error {
				_, err := j.RetryAll(ctx)
				return err
			})
		}
	})
}

// putJob puts a job, and waits for some of them.
func (c *caller) putJob(j *job.Jobs) {
	ctx, cancel := c.patient()
	defer cancel()
	var o job.PutOptions
	if c.chance(10) {
		o.Priority = job.High
	}
	if c.chance(6) {
		o.Delay = time.Duration(c.rnd.IntN(200)) * time.Millisecond
	}
	body := c.body()
	if c.chance(3) {
		o.ID = body
	}
	var id string
	err := c.call(ctx, ledger.Record{Do: "put job", Name: j.Name(), Bodies: []string{body}}, func(end *ledger.Record) (err error) {
		id, err = j.Put(ctx, []byte(body), o)
		if err == nil {
			end.IDs = []string{id}
		}
		return err
	})
	if err != nil || !c.chance(4) {
		return
	}
	ctx, cancel = context.WithTimeout(context.Background(), time.Duration(c.rnd.IntN(1000))*time.Millisecond)
	defer cancel()
	_ = c.call(ctx, ledger.Record{Do: "wait", Name: j.Name(), Bodies: []string{body}}, func(end *ledger.Record) error {
		result, err := j.Wait(ctx, id)
		if err == nil {
			end.Tokens = []string{string(result)}
		}
		return err
	})
}

func (p *process) jobWorkers() {
	c := p.caller()
	p.waiters.Go(func() {
		j, ok := c.jobs(Set, JobConfig)
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.eng.Handle(ctx, j, p.handle, pool.Options{Workers: 16}); err != nil {
			what, text := outcome(err)
			c.note(ledger.Record{Do: "handle", Name: Set, Outcome: what, Text: text})
		}
	})
	for range 2 {
		c := p.caller()
		p.waiters.Go(func() {
			j, ok := c.jobs(Set, JobConfig)
			for ok {
				ok = c.byHand(j)
			}
		})
	}
}

// run notes that a job is in somebody's hands, and returns a name for that.
func (p *process) run(c *job.Claim) (token string) {
	token = fmt.Sprintf("%s#%d", p.Process, p.others.Add(1))
	p.book.Note(ledger.Record{
		Do: "run", Name: c.Jobs().Name(), IDs: []string{c.ID}, Bodies: []string{string(c.Body)}, Tokens: []string{token},
		Number: c.Claimed.UnixMilli(),
	})
	return token
}

// handle ends jobs in all ways that there are. Its choices are the process', not a goroutine's.
func (p *process) handle(ctx context.Context, claim *job.Claim) ([]byte, error) {
	token := p.run(claim)
	c := p.caller()
	if c.chance(4) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(c.rnd.IntN(30)) * time.Millisecond):
		}
	}
	switch c.rnd.IntN(14) {
	case 0:
		return nil, errors.New("failed")
	case 1:
		panic("at the disco")
	case 2:
		return nil, job.Snooze(time.Duration(c.rnd.IntN(50)) * time.Millisecond)
	case 3:
		return nil, job.RetryAfter(time.Duration(c.rnd.IntN(50))*time.Millisecond, errors.New("again"))
	case 4:
		return nil, job.Discard(errors.New("whatever"))
	case 5:
		c.cancelAndFinish(claim, token)
		return nil, nil
	case 6:
		_ = claim.Progress(ctx, "some")
	case 7:
		_ = c.finish(claim, token)
		return nil, nil
	case 8:
		return nil, job.Stall(errors.New("aside"))
	}
	return []byte(token), nil
}

// byHand claims a job and ends it, or leaves it to its lease.
func (c *caller) byHand(j *job.Jobs) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.rnd.IntN(500))*time.Millisecond)
	defer cancel()
	var claim *job.Claim
	var token string
	err := c.call(ctx, ledger.Record{Do: "claim", Name: j.Name()}, func(end *ledger.Record) (err error) {
		if claim, err = j.Get(ctx); err == nil {
			token = c.run(claim)
			end.IDs, end.Tokens = []string{claim.ID}, []string{token}
		}
		return err
	})
	if err != nil {
		return !errors.Is(err, engine.ErrStopped)
	}
	if c.chance(4) { // long enough that somebody who looks for claims that have ended finds it
		<-time.After(time.Duration(c.rnd.Int64N(int64(JobConfig.Timeout / 4))))
	}
	switch c.rnd.IntN(8) {
	case 0:
		c.cancelAndFinish(claim, token)
	case 1:
		c.end(claim, "return", token, func(ctx context.Context) error { return claim.Return(ctx) })
	case 2:
		c.end(claim, "stall", token, func(ctx context.Context) error { return claim.Stall(ctx, "by hand") })
	case 3:
		return true // it is forgotten
	default:
		_ = c.finish(claim, token)
	}
	return true
}

func (c *caller) finish(claim *job.Claim, token string) error {
	return c.end(claim, "finish", token, func(ctx context.Context) error { return claim.Finish(ctx, []byte(token)) })
}

// cancelAndFinish shows a claim that has ended, which must be refused.
func (c *caller) cancelAndFinish(claim *job.Claim, token string) {
	cancel := func(ctx context.Context) error { return claim.Cancel(ctx, "by hand") }
	if c.end(claim, "cancel", token, cancel) == nil {
		_ = c.end(claim, "stale finish", token, func(ctx context.Context) error { return claim.Finish(ctx, nil) })
	}
}

func (c *caller) end(claim *job.Claim, how, token string, do func(context.Context) error) error {
	ctx, cancel := c.patient()
	defer cancel()
	r := ledger.Record{Do: how, Name: claim.Jobs().Name(), IDs: []string{claim.ID}, Tokens: []string{token}, Number: claim.Claimed.UnixMilli()}
	return c.call(ctx, r, func(*ledger.Record) error { return do(ctx) })
}
