package job_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// A crowd is job sets that share the few slots of an engine, with everything at once that can
// have them wait for each other.
type crowd struct {
	sets   []*bench
	left   atomic.Int64 // jobs that have not been finished
	steps  atomic.Int64 // runs of handlers
	budget atomic.Int64 // of jobs that handlers may put
}

func (c *crowd) any() *bench { return c.sets[rand.N(len(c.sets))] }

func (c *crowd) put(b *bench, o job.PutOptions) {
	c.left.Add(1)
	if _, err := b.Put(context.Background(), nil, o); err != nil {
		b.t.Errorf("put: %v", err)
	}
}

func (c *crowd) finish(b *bench, claim *job.Claim) {
	if err := claim.Finish(context.Background(), nil); err != nil {
		b.t.Errorf("finish: %v", err)
	}
	c.left.Add(-1)
}

// handler does what handlers do.
func (c *crowd) handler(b *bench) job.Handler {
	return func(context.Context, *job.Claim) ([]byte, error) {
		c.steps.Add(1)
		may := c.budget.Add(-1) >= 0
		switch rand.N(8) {
		case 0:
			<-time.After(rand.N(5 * time.Millisecond))
		case 1:
			return nil, job.RetryAfter(0, errors.New("again"))
		case 2:
			return nil, job.Snooze(rand.N(20 * time.Millisecond))
		case 3:
			if may {
				c.put(b, job.PutOptions{})
			}
		case 4:
			if may {
				c.put(c.any(), job.PutOptions{})
			}
		case 5:
			if may {
				c.put(c.any(), job.PutOptions{Delay: time.Millisecond})
			}
		}
		c.left.Add(-1)
		return nil, nil
	}
}

// disturb does one of the things that users do.
func (c *crowd) disturb(what int) {
	b, ctx := c.any(), context.Background()
	switch what {
	case 0:
		for range 1 + rand.N(5) {
			c.put(b, job.PutOptions{})
		}
	case 1:
		c.put(b, job.PutOptions{Priority: job.High})
	case 2:
		<-time.After(rand.N(2 * time.Millisecond))
		c.put(b, job.PutOptions{Delay: rand.N(10 * time.Millisecond)})
	case 3:
		if err := errors.Join(b.Pause(ctx), b.Resume(ctx)); err != nil {
			b.t.Errorf("pause: %v", err)
		}
	default:
		get := b.Get
		if rand.N(2) == 0 {
			get = b.TryGet
		}
		brief, cancel := context.WithTimeout(ctx, rand.N(3*time.Millisecond))
		claim, err := get(brief)
		cancel()
		if err != nil {
			return // nothing was there in time
		}
		end := func(context.Context) error { c.finish(b, claim); return nil }
		switch rand.N(4) {
		case 0:
			end = claim.Return
		case 1:
			end = func(ctx context.Context) error { return claim.Snooze(ctx, rand.N(20*time.Millisecond)) }
		}
		if err := end(ctx); err != nil {
			b.t.Errorf("end a claim: %v", err)
		}
	}
}

// Whenever a job is available somebody begins with it, however many job sets share few slots.
// Nobody looks after them, so that what was forgotten stays forgotten.
func TestNothingStandsStill(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	for range 8 {
		eng := openEngine(t, engine.Config{URL: url, Workers: 1 + rand.N(3), IdleAfter: 5 * time.Millisecond})
		c := new(crowd)
		for range 2 + rand.N(8) {
			c.sets = append(c.sets, benchOn(t, eng, url, job.Config{}).unattended())
		}
		for _, b := range c.sets {
			b.handle(c.handler(b), pool.Options{Workers: []int{1, 2, 16}[rand.N(3)]})
		}
		for range 5 {
			c.budget.Store(rand.Int64N(40))
			var users sync.WaitGroup
			for range 1 + rand.N(6) {
				what, times := rand.N(6), 1+rand.N(20)
				users.Go(func() {
					for range times {
						c.disturb(what)
					}
				})
			}
			users.Wait()
			c.settle(t)
		}
		closeEngine(t, eng)
	}
}

// settle waits until all jobs are done. What is longer than all pauses on the way, and than
// many round trips of somebody else, is no coincidence.
func (c *crowd) settle(t *testing.T) {
	t.Helper()
	for trips, steps := 0, c.steps.Load(); c.left.Load() > 0; trips++ {
		<-time.After(time.Millisecond)
		c.sets[0].peer.Do("PING")
		if now := c.steps.Load(); now != steps {
			trips, steps = 0, now
		}
		if trips > 1500 {
			for _, b := range c.sets {
				t.Logf("%+v", b.counts())
			}
			require.FailNow(t, "jobs stand still")
		}
	}
	require.False(t, t.Failed())
}
