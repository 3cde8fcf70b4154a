package thoonk_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// An engine is closed under load. What its handlers did not finish is
// available again within a second, in front; nothing is lost, nobody is left. Not
// parallel: it counts goroutines.
func TestShutdownUnderLoad(t *testing.T) {
	total, rounds := 3000, 4
	if os.Getenv("THOONK_FULL") != "" {
		total, rounds = 20000, 20
	}
	url := redistest.Shared(t).URL()
	peer := redistest.Client(t, url)
	name := redistest.Name(t)
	before := goleak.IgnoreCurrent()
	var finished, interrupted atomic.Int64
	var returned []time.Duration // after how long the claims were, in each round
	for round := range rounds {
		ctx := context.Background()
		eng, err := engine.Open(ctx, engine.Config{URL: url, DrainTimeout: 50 * time.Millisecond})
		require.NoError(t, err)
		jobs, err := eng.Jobs(ctx, name, job.Config{})
		require.NoError(t, err)
		if round == 0 {
			outcomes, err := jobs.PutMany(ctx, make([][]byte, total))
			require.NoError(t, err)
			require.Len(t, outcomes, total)
		}
		var n atomic.Int64
		var once sync.Once
		busy := make(chan struct{})
		var cancelled atomic.Int64 // when the first context ended
		require.NoError(t, eng.Handle(ctx, jobs, func(ctx context.Context, _ *job.Claim) ([]byte, error) {
			i := n.Add(1)
			if i > int64(total/rounds/3) {
				once.Do(func() { close(busy) })
			}
			if i%16 == 0 { // would run for long
				<-ctx.Done()
				cancelled.CompareAndSwap(0, time.Now().UnixNano())
				assert.ErrorIs(t, context.Cause(ctx), job.ErrShutdown)
				interrupted.Add(1)
				return nil, ctx.Err()
			}
			finished.Add(1)
			return nil, nil
		}, pool.Options{Workers: 300}))
		getting := make(chan error, 1) // somebody who waits by hand, on another job set
		other, err := eng.Jobs(ctx, name+".empty", job.Config{})
		require.NoError(t, err)
		go func() { _, err := other.Get(ctx); getting <- err }()
		<-busy
		require.NoError(t, eng.Close(ctx))
		if at := cancelled.Load(); at != 0 {
			took := time.Since(time.Unix(0, at))
			t.Logf("round %d: claims returned %v after the contexts ended", round, took)
			returned = append(returned, took)
		}
		assert.ErrorIs(t, <-getting, engine.ErrStopped)
		assert.ErrorIs(t, eng.Handle(ctx, jobs, nil, pool.Options{}), engine.ErrStopped)
		assert.Zero(t, peer.Int("ZCARD", "feed.claimed:"+name), "claims are left")
		assert.Zero(t, peer.Int("HLEN", "feed.cancelled:"+name), "an interruption is no failure")
		available := peer.Int("LLEN", "feed.ids:"+name)
		assert.Equal(t, int64(total), available+finished.Load(), "lost, or twice")
		assert.Equal(t, available, peer.Int("HLEN", "feed.items:"+name))
		if err := goleak.Find(before); err != nil {
			t.Errorf("round %d: goroutines are left: %v", round, err)
		}
	}
	// A busy machine holds up this round or that one, but whatever claims wait for by mistake they wait for in each. Leases
	// of 10 s and looks at the job set every 4 s are what there is.
	require.NotEmpty(t, returned)
	assert.Less(t, slices.Min(returned), time.Second)
	assert.Less(t, slices.Max(returned), 8*time.Second)
	t.Logf("%d jobs: %d finished, %d interrupted in %d shutdowns, 0 lost", total, finished.Load(), interrupted.Load(), rounds)
}

// A handler that does not end in time: Close ends all the same, and what the
// handler returns afterwards does no harm.
func TestHandlerOutlivesEngine(t *testing.T) {
	url := redistest.Shared(t).URL()
	peer := redistest.Client(t, url)
	name := redistest.Name(t)
	eng, err := engine.Open(t.Context(), engine.Config{URL: url, DrainTimeout: 10 * time.Millisecond})
	require.NoError(t, err)
	jobs, err := eng.Jobs(t.Context(), name, job.Config{})
	require.NoError(t, err)
	running, release, returned := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	require.NoError(t, eng.Handle(t.Context(), jobs, func(_ context.Context, c *job.Claim) ([]byte, error) {
		close(running)
		<-release
		err := c.Finish(context.Background(), nil)
		returned <- err
		return nil, errors.New("late")
	}, pool.Options{}))
	_, err = jobs.Put(t.Context(), nil)
	require.NoError(t, err)
	<-running
	began := time.Now()
	require.NoError(t, eng.Close(context.Background()))
	assert.Less(t, time.Since(began), 5*time.Second)
	assert.Equal(t, int64(1), peer.Int("ZCARD", "feed.claimed:"+name), "it may still be at work: the lease decides")
	close(release)
	assert.ErrorIs(t, <-returned, engine.ErrStopped)
	assert.Equal(t, int64(1), peer.Int("ZCARD", "feed.claimed:"+name))
}
