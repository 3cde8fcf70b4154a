package job_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
)

func TestReads(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	ctx := t.Context()
	assert.Equal(t, job.Counts{}, b.counts())
	for _, id := range []string{"av", "cl", "de", "st", "fi"} {
		o := job.PutOptions{ID: id}
		if id == "de" {
			o.Delay = time.Hour
		}
		_, err := b.Put(ctx, []byte("body "+id), o)
		require.NoError(t, err)
	}
	b.seed("LREM feed.ids:X 0 av", "LPUSH feed.ids:X av") // to the back
	for range 3 {
		switch c := b.claim(); c.ID {
		case "cl":
			require.NoError(t, c.Progress(ctx, "half"))
		case "st":
			require.NoError(t, c.Stall(ctx, "bad"))
		case "fi":
			require.NoError(t, c.Finish(ctx, []byte("result")))
		}
	}
	assert.Equal(t, job.Counts{Available: 1, Claimed: 1, Delayed: 1, Stalled: 1, Jobs: 4, Put: 5, Finished: 1}, b.counts())
	for s, want := range map[job.State]string{job.Available: "av", job.Claimed: "cl", job.Delayed: "de", job.Stalled: "st"} {
		var ids []string
		for id, err := range b.IDs(ctx, s) {
			require.NoError(t, err)
			ids = append(ids, id)
		}
		assert.Equal(t, []string{want}, ids)
		i, err := b.Info(ctx, want)
		require.NoError(t, err)
		assert.Equal(t, s, i.State)
		assert.Equal(t, "body "+want, string(i.Body))
		assert.Nil(t, i.Result)
		switch s {
		case job.Claimed:
			assert.Equal(t, "half", i.Progress)
		case job.Stalled:
			assert.Equal(t, "bad", i.Error)
			assert.True(t, i.Put.IsZero())
		case job.Delayed:
			assert.WithinDuration(t, time.Now().Add(time.Hour), i.Due, time.Minute)
		}
	}
	i, err := b.Info(ctx, "fi")
	require.NoError(t, err)
	assert.Equal(t, job.Info{ID: "fi", State: job.Finished, Result: []byte("result")}, i)
	_, err = b.Info(ctx, "never")
	assert.ErrorIs(t, err, job.ErrNotFound)
	n, err := b.Failures(ctx, "never")
	assert.NoError(t, err)
	assert.Zero(t, n)

	// Long lists come in pages, each id once.
	other := newBench(t, job.Config{})
	other.seedMany(2500)
	for _, s := range []job.State{job.Available, job.All} {
		seen := map[string]bool{}
		for id, err := range other.IDs(ctx, s) {
			require.NoError(t, err)
			assert.False(t, seen[id])
			seen[id] = true
		}
		assert.Len(t, seen, 2500)
	}
}

func TestRetryAll(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	b.seedMany(1200)
	b.peer.Eval(`for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do redis.call('SADD', KEYS[2], id) end
		redis.call('DEL', KEYS[1]) redis.call('SADD', KEYS[2], 'without an item')`,
		[]string{"feed.ids:" + b.name, "feed.stalled:" + b.name})
	n, err := b.RetryAll(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1200, n)
	assert.Equal(t, job.Counts{Available: 1200, Jobs: 1200}, b.counts())
	n, err = b.RetryAll(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n)
}
