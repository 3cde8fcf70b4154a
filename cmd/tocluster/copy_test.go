package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func openEngine(t *testing.T, url string) *engine.Engine {
	t.Helper()
	eng, err := engine.Open(t.Context(), engine.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		assert.NoError(t, eng.Close(ctx))
	})
	return eng
}

// TestCopy moves everything of an engine on one server to a cluster, where another engine goes on with it.
func TestCopy(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	one := redistest.Private(t, redisserver.Options{})
	cluster := redistest.PrivateCluster(t, redisserver.ClusterOptions{Replicas: -1})
	before := openEngine(t, one.URL())

	f, err := before.Feed(ctx, "news:of:today", feed.Config{MaxLength: 7, Title: "T"})
	require.NoError(t, err)
	s, err := before.Sorted(ctx, "list", sorted.Config{})
	require.NoError(t, err)
	q, err := before.Queue(ctx, "mail", queue.Config{})
	require.NoError(t, err)
	j, err := before.Jobs(ctx, "news", job.Config{Timeout: time.Hour})
	require.NoError(t, err)
	for _, body := range []string{"1", "2", "3"} {
		require.NoError(t, f.PublishAs(ctx, body, []byte(body)))
		_, err = s.Insert(ctx, []byte(body), sorted.First)
		require.NoError(t, err)
		_, err = q.Put(ctx, []byte(body))
		require.NoError(t, err)
		_, err = j.Put(ctx, []byte(body), job.PutOptions{ID: body})
		require.NoError(t, err)
	}
	claim, err := j.Get(ctx)
	require.NoError(t, err)
	require.NoError(t, claim.Finish(ctx, []byte("result")))
	require.NoError(t, before.Close(ctx))

	done, err := run(ctx, one.URL(), cluster.URL(), false)
	require.NoError(t, err)
	assert.Equal(t, 4, done.names)
	_, err = run(ctx, one.URL(), cluster.URL(), false)
	require.ErrorContains(t, err, "BUSYKEY")
	again, err := run(ctx, one.URL(), cluster.URL(), true)
	require.NoError(t, err)
	assert.Equal(t, done, again)

	after := openEngine(t, cluster.URL())
	var names []string
	for n, err := range after.Names(ctx) {
		require.NoError(t, err)
		names = append(names, n)
	}
	slices.Sort(names)
	assert.Equal(t, []string{"list", "mail", "news", "news:of:today"}, names)
	f, err = after.Feed(ctx, "news:of:today", feed.Config{})
	require.NoError(t, err)
	cfg, err := f.Config(ctx)
	require.NoError(t, err)
	assert.Equal(t, 7, cfg.MaxLength)
	ids, err := f.IDs(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2", "3"}, ids)
	s, err = after.Sorted(ctx, "list", sorted.Config{})
	require.NoError(t, err)
	id, err := s.Insert(ctx, []byte("4"), sorted.Last)
	require.NoError(t, err)
	assert.Equal(t, "4", id, "ids go on")
	q, err = after.Queue(ctx, "mail", queue.Config{})
	require.NoError(t, err)
	it, err := q.Get(ctx)
	require.NoError(t, err)
	assert.Equal(t, "1", string(it.Body))
	j, err = after.Jobs(ctx, "news", job.Config{})
	require.NoError(t, err)
	result, err := j.Wait(ctx, "1")
	require.NoError(t, err)
	assert.Equal(t, "result", string(result))
	claim, err = j.Get(ctx)
	require.NoError(t, err)
	assert.Equal(t, "2", string(claim.Body))
	require.NoError(t, claim.Finish(ctx, nil))

	braces, err := openEngine(t, one.URL()).Feed(ctx, "a{b}", feed.Config{})
	require.NoError(t, err)
	_, err = run(ctx, one.URL(), cluster.URL(), true)
	require.ErrorIs(t, err, engine.ErrInvalidName)
	assert.ErrorContains(t, err, braces.Name())
}
