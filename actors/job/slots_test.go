package job_test

import (
	"context"
	"errors"
	"slices"
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

// Nothing is claimed that nobody can run.
func TestSlotBeforeClaim(t *testing.T) {
	t.Parallel()
	redistest.Shared(t).NeedUnclustered(t, "counts claims of two names in one script")
	url := redistest.Shared(t).URL()
	eng := openEngine(t, engine.Config{URL: url, Workers: 5})
	sets := []*bench{benchOn(t, eng, url, job.Config{}), benchOn(t, eng, url, job.Config{})}
	var most, runs atomic.Int64
	for _, b := range sets {
		b.seedMany(300)
		peer := redistest.Client(t, url)
		var mu sync.Mutex
		b.handle(func(context.Context, *job.Claim) ([]byte, error) {
			mu.Lock()
			n := peer.Int("EVAL", "return redis.call('ZCARD', KEYS[1]) + redis.call('ZCARD', KEYS[2])", 2, "feed.claimed:"+sets[0].name, "feed.claimed:"+sets[1].name)
			mu.Unlock()
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			runs.Add(1)
			return nil, nil
		}, pool.Options{Workers: 4})
	}
	redistest.Eventually(t, func() bool { return runs.Load() == 600 }, "all run")
	// A slot is free a moment before the finish is stored, in the same round trip as
	// the next claim: so the bound is on claims and finishes together.
	t.Logf("at most %d claimed at once with 5 slots", most.Load())
	assert.LessOrEqual(t, most.Load(), int64(10))

	still := newBench(t, job.Config{})
	still.seedMany(50)
	release := make(chan struct{})
	still.handle(func(context.Context, *job.Claim) ([]byte, error) { <-release; return nil, nil }, pool.Options{Workers: 4})
	redistest.Eventually(t, func() bool { return still.stats().Running == 4 }, "four run")
	_, err := still.Put(t.Context(), nil) // goes behind whatever the owner has sent
	require.NoError(t, err)
	assert.Equal(t, 4, still.counts().Claimed)
	close(release)
	redistest.Eventually(t, func() bool { return still.counts().Finished == 51 }, "all run")
}

// Job sets share the engine's slots: one with a backlog does not starve others, and
// one that is paused or empty keeps none.
func TestSharedSlots(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	eng := openEngine(t, engine.Config{URL: url, Workers: 1})
	one := func(n int) *bench {
		b := benchOn(t, eng, url, job.Config{})
		b.seedMany(n)
		return b
	}
	nothing := func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }
	paused, empty, small := one(10), one(0), one(1)
	require.NoError(t, paused.Pause(t.Context()))
	for _, b := range []*bench{paused, empty, small} {
		b.handle(nothing, pool.Options{})
	}
	redistest.Eventually(t, func() bool { return small.counts().Finished == 1 }, "beside a paused one")
	assert.Equal(t, 10, paused.counts().Available)
	for range 20 { // idle ones do not hold what is theirs for the asking
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		id, err := small.Put(ctx, nil)
		require.NoError(t, err)
		_, err = small.Wait(ctx, id)
		if !errors.Is(err, job.ErrNotFound) { // or it was over before
			require.NoError(t, err)
		}
		cancel()
	}

	// One whose backlog has no end: each of its jobs puts the next.
	endless := one(100)
	var runs atomic.Int64
	over := make(chan struct{})
	endless.handle(func(ctx context.Context, _ *job.Claim) ([]byte, error) {
		runs.Add(1)
		select {
		case <-over:
			return nil, nil
		default:
		}
		_, err := endless.Put(ctx, nil)
		return nil, err
	}, pool.Options{})
	ran := make(chan int64, 1)
	small2 := one(0)
	small2.handle(func(context.Context, *job.Claim) ([]byte, error) {
		ran <- runs.Load()
		return nil, nil
	}, pool.Options{})
	redistest.Eventually(t, func() bool { return runs.Load() > 100 }, "under way")
	var before []int64
	for range 5 {
		now := runs.Load()
		_, err := small2.Put(t.Context(), nil)
		require.NoError(t, err)
		redistest.Eventually(t, func() bool { return len(ran) > 0 }, "its turn came")
		before = append(before, <-ran-now)
	}
	close(over)
	t.Logf("jobs of the other that ran before: %d", before)
	slices.Sort(before)
	assert.Less(t, before[2], int64(100))
}
