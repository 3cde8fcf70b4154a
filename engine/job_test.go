package engine_test

import (
	"context"
	"errors"
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

// What can be wrong when a job set is opened, or given a handler.
func TestJobs(t *testing.T) {
	t.Parallel()
	eng := open(t, engine.Config{URL: redistest.Shared(t).URL()})
	ctx, name := t.Context(), redistest.Name(t)
	cfg := job.Config{Timeout: time.Minute, MaxFailures: 5, MinBackoff: time.Second, MaxBackoff: time.Hour, ResultTTL: time.Minute,
		Notices: true, Title: "Jobs", Serializer: "json", Extra: map[string]string{"x": "y"}}
	jobs, err := eng.Jobs(ctx, name, cfg)
	require.NoError(t, err)
	stored, err := jobs.Config(ctx)
	require.NoError(t, err)
	assert.Equal(t, cfg, stored)
	again, err := eng.Jobs(ctx, name, job.Config{Title: "other"})
	require.NoError(t, err)
	stored, err = again.Config(ctx)
	require.NoError(t, err)
	assert.Equal(t, cfg, stored, "the configuration of an existing job set is left alone")
	require.NoError(t, jobs.Configure(ctx, job.Config{Title: "new"}))
	stored, err = again.Config(ctx)
	require.NoError(t, err)
	assert.Equal(t, job.Config{Title: "new", Extra: map[string]string{"x": "y"}}, stored)

	require.NoError(t, eng.Create(ctx, name+".feed", engine.TypeFeed, nil))
	_, err = eng.Jobs(ctx, name+".feed", job.Config{})
	assert.ErrorIs(t, err, engine.ErrWrongType)
	for _, bad := range []job.Config{{MaxFailures: -1}, {Timeout: time.Microsecond}, {ResultTTL: -time.Second}, {Extra: map[string]string{"paused": "1"}}, {Extra: map[string]string{"type": "feed"}}} {
		_, err = eng.Jobs(ctx, name+".bad", bad)
		assert.ErrorIs(t, err, job.ErrInvalidConfig)
		assert.ErrorIs(t, err, engine.ErrNotSent)
	}

	handler := func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }
	require.NoError(t, eng.Handle(ctx, jobs, handler, pool.Options{}))
	assert.ErrorIs(t, eng.Handle(ctx, again, handler, pool.Options{}), job.ErrHandled)
}

// Owners end and start all the time; handlers and those who take by hand do not
// notice.
func TestJobsOfIdleNames(t *testing.T) {
	t.Parallel()
	eng := open(t, engine.Config{URL: redistest.Shared(t).URL(), IdleAfter: time.Millisecond})
	var wg sync.WaitGroup
	for range 20 {
		jobs, err := eng.Jobs(t.Context(), redistest.Name(t), job.Config{})
		require.NoError(t, err)
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			for range 10 { // by hand, the owner ends whenever it can
				id, err := jobs.Put(ctx, nil)
				if !assert.NoError(t, err) {
					return
				}
				c, err := jobs.TryGet(ctx)
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, id, c.ID)
				assert.NoError(t, c.Finish(ctx, nil))
			}
			var runs atomic.Int64
			assert.NoError(t, eng.Handle(ctx, jobs, func(context.Context, *job.Claim) ([]byte, error) { runs.Add(1); return []byte("r"), nil }, pool.Options{}))
			for range 10 {
				id, err := jobs.Put(ctx, nil)
				if !assert.NoError(t, err) {
					return
				}
				_, err = jobs.Wait(ctx, id)
				assert.NoError(t, err)
			}
			assert.Equal(t, int64(10), runs.Load())
		})
	}
	wg.Wait()
}

// A job set that is deleted under its handler, and created again: the handler goes
// on with the new one.
func TestDeletedUnderHandler(t *testing.T) {
	t.Parallel()
	eng := open(t, engine.Config{URL: redistest.Shared(t).URL(), Lease: time.Second})
	ctx, name := t.Context(), redistest.Name(t)
	jobs, err := eng.Jobs(ctx, name, job.Config{})
	require.NoError(t, err)
	running, ended := make(chan string, 10), make(chan error, 10)
	require.NoError(t, eng.Handle(ctx, jobs, func(ctx context.Context, c *job.Claim) ([]byte, error) {
		running <- string(c.Body)
		if string(c.Body) == "old" {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return []byte("old result"), nil
		}
		return []byte("new result"), nil
	}, pool.Options{}))
	_, err = jobs.Put(ctx, []byte("old"), job.PutOptions{ID: "same"})
	require.NoError(t, err)
	require.Equal(t, "old", <-running)
	require.NoError(t, eng.Delete(ctx, name))
	_, err = jobs.Put(ctx, nil)
	require.ErrorIs(t, err, engine.ErrNoSuchName)
	_, err = jobs.TryGet(ctx)
	require.ErrorIs(t, err, engine.ErrNoSuchName)
	_, err = eng.Jobs(ctx, name, job.Config{})
	require.NoError(t, err)
	_, err = jobs.Put(ctx, []byte("new"), job.PutOptions{ID: "same"})
	require.NoError(t, err)
	require.ErrorIs(t, <-ended, job.ErrNotOwner)
	require.Equal(t, "new", <-running)
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	result, err := jobs.Wait(bounded, "same")
	if !errors.Is(err, job.ErrNotFound) {
		require.NoError(t, err)
		assert.Equal(t, "new result", string(result))
	}
	redistest.Eventually(t, func() bool {
		s, err := jobs.Stats(ctx)
		return err == nil && s.Ended == 2 && s.Jobs == 0
	}, "nothing is left")
	s, err := jobs.Stats(ctx)
	require.NoError(t, err)
	assert.Equal(t, int64(1), s.Finished)
}
