package job_test

import (
	"context"
	"errors"
	"fmt"
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

func TestPause(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	other := b.another(engine.Config{})
	require.NoError(t, b.Pause(t.Context()))
	var runs atomic.Int64
	handler := func(context.Context, *job.Claim) ([]byte, error) { runs.Add(1); return nil, nil }
	b.handle(handler, pool.Options{})
	id, err := b.Put(t.Context(), nil)
	require.NoError(t, err)
	_, err = other.TryGet(t.Context())
	assert.ErrorIs(t, err, job.ErrEmpty)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = b.Get(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.True(t, b.counts().Paused)
	assert.Equal(t, 1, b.counts().Available)
	assert.Equal(t, int64(0), runs.Load())
	conf, err := b.Config(t.Context())
	require.NoError(t, err)
	assert.Equal(t, job.Config{}, conf, "a pause is no configuration")

	require.NoError(t, b.Resume(t.Context()))
	_, err = b.Wait(t.Context(), id)
	if !errors.Is(err, job.ErrNotFound) {
		require.NoError(t, err)
	}
	assert.False(t, b.counts().Paused)
	assert.Equal(t, int64(1), runs.Load())
	// Another engine that was paused goes on by itself.
	require.NoError(t, b.Pause(t.Context()))
	got := make(chan error, 1)
	lone := newBench(t, job.Config{})
	require.NoError(t, lone.Pause(t.Context()))
	far := lone.another(engine.Config{})
	lone.available("x")
	go func() { _, err := far.Get(context.Background()); got <- err }()
	require.NoError(t, lone.Resume(t.Context()))
	require.NoError(t, within(t, got, "the other engine claims"))
}

// Delayed jobs start when they are due, wherever they were put.
func TestDelay(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended() // whoever looked after it would find what nobody woke up for
	other := b.another(engine.Config{})
	peer := redistest.Client(t, b.url)
	stalled := stalls(t, func() { peer.Do("PING") })
	var mu sync.Mutex
	late := map[string]time.Duration{}
	due := map[string]time.Time{}
	b.handle(func(_ context.Context, c *job.Claim) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		late[c.ID] = time.Since(due[c.ID])
		return nil, nil
	}, pool.Options{})
	const total = 40
	for i := range total {
		from, d := b, time.Duration(50+10*i)*time.Millisecond
		if i%2 == 1 {
			from = other
		}
		id := fmt.Sprint(i)
		mu.Lock()
		due[id] = time.Now().Add(d)
		mu.Unlock()
		_, err := from.Put(t.Context(), nil, job.PutOptions{ID: id, Delay: d})
		require.NoError(t, err)
	}
	redistest.Eventually(t, func() bool { return b.counts().Finished == total }, "all run")
	var all []time.Duration
	for id, d := range late {
		assert.GreaterOrEqual(t, d, -5*time.Millisecond, "job %s ran early", id)
		all = append(all, d)
	}
	slices.Sort(all)
	longest := stalled()
	t.Logf("late: p50 %v, p90 %v, max %v; the longest stall was of %v", all[total/2], all[total*9/10], all[total-1], longest)
	// How late they are is job/delayed's to measure.
	assert.Less(t, all[total/2], time.Second+4*longest)

	// One whose engine is gone is found by who looks after the job set.
	b.seed("DEL feed.maintenance:X")
	gone := b.another(engine.Config{})
	_, err := gone.Put(t.Context(), nil, job.PutOptions{ID: "gone", Delay: 200 * time.Millisecond})
	require.NoError(t, err)
	closeEngine(t, gone.eng)
	redistest.Eventually(t, func() bool { return b.counts().Finished == total+1 }, "it runs")
}

// A job that was snoozed by hand is due as soon as one that a handler snoozed.
func TestSnoozeByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	b.available("x")
	require.NoError(t, b.claim().Snooze(t.Context(), 20*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	c, err := b.Get(ctx)
	require.NoError(t, err)
	assert.Equal(t, "x", c.ID)
}

// A pause that nobody here waited for is forgotten: it may have ended long ago.
func TestPauseIsForgotten(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, job.Config{}, engine.Config{})
	wanted := claimsOf(proxy)
	require.NoError(t, b.Pause(t.Context()))
	_, err := b.TryGet(t.Context())
	require.ErrorIs(t, err, job.ErrEmpty)
	b.seed("HDEL feed.config:X paused") // as another engine resumes
	wanted()
	b.handle(func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }, pool.Options{})
	b.counts() // goes behind whatever the owner has sent
	assert.NotEmpty(t, wanted(), "it asks, before it waits for the end of a pause")
}
