package job_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/pool"
)

// Jobs put through an Async run, also delayed ones; an id that exists is told to its job
// alone.
func TestAsyncJobs(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	a := b.Async(job.AsyncOptions{Pending: 100})
	var exist atomic.Int64
	for i := range 500 {
		o := job.PutOptions{ID: fmt.Sprint("own", i/2)} // each twice
		if i%4 == 0 {
			o.Delay = 20 * time.Millisecond
		}
		_, err := a.Put(t.Context(), []byte("x"), func(_ string, err error) {
			if err != nil {
				assert.ErrorIs(t, err, job.ErrExists)
				exist.Add(1)
			}
		}, o)
		require.NoError(t, err)
	}
	assert.ErrorIs(t, a.Flush(t.Context()), job.ErrExists)
	assert.NoError(t, a.Flush(t.Context()))
	assert.EqualValues(t, 250, exist.Load())

	ran := make(chan string, 500)
	b.handle(func(_ context.Context, c *job.Claim) ([]byte, error) {
		ran <- c.ID
		return nil, nil
	}, pool.Options{})
	seen := map[string]bool{}
	for range 250 {
		seen[within(t, ran, "a job")] = true
	}
	assert.Len(t, seen, 250)
}

func TestAsyncJobsErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	a := b.Async(job.AsyncOptions{})
	for _, o := range []job.PutOptions{{ID: "a\x00b"}, {Delay: -1}} {
		_, err := a.Put(t.Context(), []byte("x"), nil, o)
		assert.ErrorIs(t, err, engine.ErrNotSent)
	}
	assert.NoError(t, a.Flush(t.Context()))
}
