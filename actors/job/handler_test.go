package job_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// A brokenError is what careless handlers return: its methods panic.
type brokenError struct{}

func (*brokenError) Error() string { panic("broken") }

func (e *brokenError) Unwrap() error {
	if e == nil {
		return nil
	}
	panic("broken")
}

// What becomes of a job, by what its handler does.
func TestPolicy(t *testing.T) {
	t.Parallel()
	oh := errors.New("oh")
	returns := func(result []byte, err error) job.Handler {
		return func(context.Context, *job.Claim) ([]byte, error) { return result, err }
	}
	const kept = "\nitems: a=a\npublished: a@long"
	const later = "cancelled: a=1\ndelayed: a@now\nerrors: a=oh" + kept
	type numbers struct{ failed, panics, stalled, lost, finished uint64 }
	tests := map[string]struct {
		do      job.Handler
		conf    job.Config
		state   string
		numbers numbers
	}{
		"nil":         {do: returns(nil, nil), state: "finishes: 1", numbers: numbers{finished: 1}},
		"result":      {do: returns([]byte("r"), nil), state: "finishes: 1\nresult:a: r", numbers: numbers{finished: 1}},
		"empty":       {do: returns([]byte{}, nil), state: "finishes: 1\nresult:a: ", numbers: numbers{finished: 1}},
		"error":       {do: returns([]byte("r"), oh), state: later, numbers: numbers{failed: 1}},
		"wrapped":     {do: returns(nil, fmt.Errorf("so: %w", job.Stall(oh))), state: "errors: a=oh\nitems: a=a\nstalled: a", numbers: numbers{failed: 1, stalled: 1}},
		"most":        {do: returns(nil, oh), conf: job.Config{MaxFailures: 1}, state: "config: max_failures=1\nerrors: a=oh\nitems: a=a\nstalled: a", numbers: numbers{failed: 1, stalled: 1}},
		"back-off":    {do: returns(nil, oh), conf: job.Config{MinBackoff: 2 * time.Hour}, state: "cancelled: a=1\nconfig: min_backoff=7200000\ndelayed: a@later\nerrors: a=oh" + kept, numbers: numbers{failed: 1}},
		"retry after": {do: returns(nil, job.RetryAfter(time.Hour, oh)), state: "cancelled: a=1\ndelayed: a@+60m\nerrors: a=oh" + kept, numbers: numbers{failed: 1}},
		"snooze":      {do: returns(nil, job.Snooze(time.Hour)), state: "delayed: a@+60m" + kept, numbers: numbers{failed: 1}},
		"stall":       {do: returns(nil, job.Stall(oh)), state: "errors: a=oh\nitems: a=a\nstalled: a", numbers: numbers{failed: 1, stalled: 1}},
		"discard":     {do: returns([]byte("r"), job.Discard(oh)), state: "finishes: 1", numbers: numbers{failed: 1, finished: 1}},
		"panic": {do: func(context.Context, *job.Claim) ([]byte, error) { panic("boo") },
			state: "cancelled: a=1\ndelayed: a@now\nerrors: a=pool: panic: boo" + kept, numbers: numbers{failed: 1, panics: 1}},
		"panic with a verdict": {do: func(context.Context, *job.Claim) ([]byte, error) { panic(job.Discard(oh)) },
			state: "cancelled: a=1\ndelayed: a@now\nerrors: a=pool: panic: discard: oh" + kept, numbers: numbers{failed: 1, panics: 1}},
		"goexit": {do: func(context.Context, *job.Claim) ([]byte, error) { runtime.Goexit(); return nil, nil },
			state: "cancelled: a=1\ndelayed: a@now\nerrors: a=pool: the task called runtime.Goexit" + kept, numbers: numbers{failed: 1}},
		"error that panics": {do: returns(nil, (*brokenError)(nil)),
			state: "cancelled: a=1\ndelayed: a@now\nerrors: a=pool: panic: broken" + kept, numbers: numbers{failed: 1, panics: 1}},
		"error whose chain panics": {do: returns(nil, new(brokenError)),
			state: "cancelled: a=1\ndelayed: a@now\nerrors: a=pool: panic: broken" + kept, numbers: numbers{failed: 1, panics: 1}},
		"too large": {do: returns(make([]byte, 2000), nil),
			state: "errors: a=the result has 2000 bytes, the limit is 1000\nitems: a=a\nstalled: a", numbers: numbers{stalled: 1}},
		"long error": {do: returns(nil, job.Stall(errors.New(strings.Repeat("e", 9000)))),
			state: "errors: a=" + strings.Repeat("e", 8192) + "\nitems: a=a\nstalled: a", numbers: numbers{failed: 1, stalled: 1}},
		"finished by hand": {do: func(ctx context.Context, c *job.Claim) ([]byte, error) {
			return []byte("no"), c.Finish(ctx, []byte("yes"))
		},
			state: "finishes: 1\nresult:a: yes"},
		"stalled by hand": {do: func(ctx context.Context, c *job.Claim) ([]byte, error) { return nil, c.Stall(ctx, "by hand") },
			state: "errors: a=by hand\nitems: a=a\nstalled: a"},
		"retracted meanwhile": {do: func(ctx context.Context, c *job.Claim) ([]byte, error) {
			return []byte("r"), c.Jobs().Retract(ctx, "a")
		},
			state: "", numbers: numbers{lost: 1}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := redistest.Shared(t).URL()
			b := benchOn(t, openEngine(t, engine.Config{URL: url, MaxItem: 1000}), url, tc.conf).unattended()
			b.available("a")
			b.handle(tc.do, pool.Options{Workers: 1})
			redistest.Eventually(t, func() bool { return b.stats().Ended == 1 && b.counts().Claimed == 0 }, "the job has ended")
			got := b.state()
			if name == "back-off" { // half of it, and the whole at most
				for m := 60; m <= 120; m++ {
					got = strings.Replace(got, fmt.Sprintf("a@+%dm", m), "a@later", 1)
				}
			}
			assert.Equal(t, tc.state, got)
			s := b.stats()
			redistest.Eventually(t, func() bool {
				s = b.stats()
				return s.FinishedHere+s.Stalled+s.Lost == tc.numbers.finished+tc.numbers.stalled+tc.numbers.lost
			}, "counted")
			assert.Equal(t, tc.numbers, numbers{s.Failed, s.Panics, s.Stalled, s.Lost, s.FinishedHere})
			assert.Equal(t, uint64(1), s.Started)
			assert.Zero(t, s.Running)
			var n uint64
			for _, v := range s.Run {
				n += v
			}
			assert.Equal(t, uint64(1), n)
			if tc.numbers.finished > 0 {
				assert.Positive(t, s.Rate)
			}
		})
	}
}

// Failures in a row wait longer and longer, up to the maximum, and then the job is
// stalled; a retry begins anew.
func TestBackoff(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{MinBackoff: 20 * time.Millisecond, MaxBackoff: 60 * time.Millisecond, MaxFailures: 5})
	var mu sync.Mutex
	var at []time.Time
	var failures []int
	b.handle(func(_ context.Context, c *job.Claim) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		at, failures = append(at, time.Now()), append(failures, c.Failures)
		return nil, errors.New("no")
	}, pool.Options{})
	id, err := b.Put(t.Context(), nil)
	require.NoError(t, err)
	_, err = b.Wait(t.Context(), id)
	require.ErrorIs(t, err, job.ErrStalled)
	assert.ErrorContains(t, err, "no")
	mu.Lock()
	assert.Equal(t, []int{0, 1, 2, 3, 4}, failures)
	for i, least := range []time.Duration{10, 20, 30, 30} {
		assert.GreaterOrEqual(t, at[i+1].Sub(at[i]), least*time.Millisecond, i)
	}
	mu.Unlock()
	require.NoError(t, b.Retry(t.Context(), id))
	redistest.Eventually(t, func() bool { return b.stats().Ended == 10 && b.counts().Stalled == 1 }, "five more")
	mu.Lock()
	assert.Equal(t, 0, failures[5])
	mu.Unlock()
}

// The context of a handler says why it ended.
func TestCause(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end  func(b *bench)
		want error
	}{
		"timeout":   {func(*bench) {}, job.ErrTimeout},
		"retracted": {func(b *bench) { require.NoError(b.t, b.Retract(b.t.Context(), "a")) }, job.ErrNotOwner},
		"finished by a peer": {func(b *bench) {
			b.seed("ZREM feed.claimed:X a", "HDEL feed.items:X a", "ZREM feed.published:X a")
		}, job.ErrNotOwner},
		"deleted": {func(b *bench) { require.NoError(b.t, b.eng.Delete(b.t.Context(), b.name)) }, job.ErrNotOwner},
		"deleted and created": {func(b *bench) {
			require.NoError(b.t, b.eng.Delete(b.t.Context(), b.name))
			b.another(engine.Config{})
		}, job.ErrNotOwner},
		"shutdown": {func(b *bench) {
			ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
			defer cancel()
			assert.NoError(b.t, b.eng.Close(ctx))
		}, job.ErrShutdown},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := redistest.Shared(t).URL()
			conf := job.Config{}
			if name == "timeout" {
				conf.Timeout = 50 * time.Millisecond
			}
			b := benchOn(t, openEngine(t, engine.Config{URL: url, Lease: time.Second, DrainTimeout: 10 * time.Millisecond}), url, conf).unattended()
			b.available("a")
			running, cause := make(chan struct{}), make(chan error, 1)
			b.handle(func(ctx context.Context, _ *job.Claim) ([]byte, error) {
				close(running)
				<-ctx.Done()
				cause <- context.Cause(ctx)
				return nil, ctx.Err()
			}, pool.Options{})
			within(t, running, "the handler runs")
			tc.end(b)
			assert.ErrorIs(t, within(t, cause, "the context ends"), tc.want)
			switch name {
			case "timeout":
				redistest.Eventually(t, func() bool { return b.counts().Delayed == 1 }, "it failed")
			case "shutdown":
				assert.Equal(t, "ids: a\nitems: a=a\npublished: a@long", b.state(), "returned, not failed")
			}
		})
	}
}

// A handler that ignores its context keeps its slot and its lease, is reported
// with its stack, and its job runs nowhere else meanwhile.
func TestStuckHandler(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	b := benchOn(t, openEngine(t, engine.Config{URL: url, Lease: time.Second}), url, job.Config{Timeout: 20 * time.Millisecond})
	other := b.another(engine.Config{Lease: time.Second})
	b.available("a")
	var runs atomic.Int64
	running, release, stuck := make(chan struct{}), make(chan struct{}), make(chan pool.Stuck, 1)
	b.handle(func(context.Context, *job.Claim) ([]byte, error) {
		runs.Add(1)
		close(running)
		<-release
		return []byte("late"), nil
	}, pool.Options{Workers: 1, StuckAfter: 10 * time.Millisecond, OnStuck: func(s pool.Stuck) { stuck <- s }})
	within(t, running, "the handler runs")
	other.handle(func(context.Context, *job.Claim) ([]byte, error) { runs.Add(1); return nil, nil }, pool.Options{})

	s := within(t, stuck, "it is reported")
	assert.Equal(t, "a", s.Name)
	assert.ErrorIs(t, s.Cause, job.ErrTimeout)
	assert.Contains(t, string(s.Stack), "TestStuckHandler")
	assert.Equal(t, uint64(1), b.stats().Stuck)
	// Its lease is renewed: three times the lease later it still runs only here.
	scores := map[string]bool{}
	redistest.Eventually(t, func() bool {
		scores[b.peer.String("ZSCORE", "feed.claimed:"+b.name, "a")] = true
		return len(scores) > 9
	}, "renewed nine times")
	assert.Equal(t, 1, b.stats().Running)
	assert.Equal(t, int64(1), runs.Load())
	close(release)
	result, err := b.Wait(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, "late", string(result))
	assert.Equal(t, int64(1), runs.Load())
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	var order []string
	wrap := func(name string) job.Middleware {
		return func(h job.Handler) job.Handler {
			return func(ctx context.Context, c *job.Claim) ([]byte, error) {
				order = append(order, name)
				result, err := h(ctx, c)
				return append(result, name...), err
			}
		}
	}
	b.handle(func(_ context.Context, c *job.Claim) ([]byte, error) { return c.Body, nil }, pool.Options{}, wrap("1"), wrap("2"))
	id, err := b.Put(t.Context(), []byte("x"))
	require.NoError(t, err)
	result, err := b.Wait(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "x21", string(result))
	assert.Equal(t, []string{"1", "2"}, order)
	assert.ErrorIs(t, b.eng.Handle(t.Context(), b.Jobs, nil, pool.Options{}), job.ErrHandled)
}

// A handler that was refused does not run, and leaves the job set to another one.
func TestHandleWithAnEndedContext(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	b.available("a")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	err := b.eng.Handle(ended, b.Jobs, func(context.Context, *job.Claim) ([]byte, error) {
		t.Error("it was refused")
		return nil, nil
	}, pool.Options{})
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, engine.ErrNotSent)
	b.handle(func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }, pool.Options{})
	redistest.Eventually(t, func() bool { return b.counts().Finished == 1 }, "the other one runs")
}

// A handler that begins in the moment in which its job set's actor ends as idle has another one.
func TestHandleWhileSwept(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	ran := make(chan struct{}, 1)
	b.handle(func(context.Context, *job.Claim) ([]byte, error) { ran <- struct{}{}; return nil, nil }, pool.Options{})
	b.Stop()
	b.seedMany(1)
	within(t, ran, "it runs")
}

// An actor may be told of its handler after it has found it by itself, and runs jobs.
func TestToldOfItsHandlerLate(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	const jobs = 2000
	b.seedMany(jobs)
	b.handle(func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }, pool.Options{Workers: 64})
	for b.counts().Finished < jobs { // it is for the race detector
		b.Handled()
	}
}
