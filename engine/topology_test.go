package engine_test

import (
	"crypto/tls"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// unhurried is a node timeout for clusters in which nothing fails: busy processors shall not break a link between nodes.
const unhurried = 30 * time.Second

func TestClusterWorks(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	for _, server := range []redisserver.Options{{Password: "p@ss,w/rd"}, {Password: "p@ss,w/rd", TLS: ca.directory("127.0.0.1", time.Now().Add(time.Hour))}} {
		c := redistest.PrivateCluster(t, redisserver.ClusterOptions{NodeTimeout: unhurried, Server: server})
		everythingWorks(t, engine.Config{URL: c.URL(), TLS: &tls.Config{RootCAs: ca.pool()}})
	}
}

func TestSentinelWorks(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	for _, server := range []redisserver.Options{{Password: "p@ss,w/rd"}, {Password: "p@ss,w/rd", TLS: ca.directory("127.0.0.1", time.Now().Add(time.Hour))}} {
		s := redistest.PrivateSentinel(t, redisserver.SentinelOptions{Server: server})
		everythingWorks(t, engine.Config{URL: s.URL(), TLS: &tls.Config{RootCAs: ca.pool()}})
	}
}

// everythingWorks uses every type, in two engines, with names that are all over a cluster.
func everythingWorks(t *testing.T, cfg engine.Config) {
	a, b := open(t, cfg), open(t, cfg)
	ctx := t.Context()
	watch, err := b.Watch(ctx)
	require.NoError(t, err)
	var want []string
	for i := range 12 {
		name := fmt.Sprintf("name-%d", i)
		fa, err := a.Feed(ctx, name, feed.Config{})
		require.NoError(t, err)
		want = append(want, name)
		e, err := watch.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, engine.NameEvent{Kind: engine.NameCreated, Name: name, Instance: e.Instance}, e)
		_, err = watch.Next(ctx)
		require.NoError(t, err)
		fb, err := b.Feed(ctx, name, feed.Config{})
		require.NoError(t, err)
		sub, err := fb.Follow(ctx, feed.FollowOptions{Snapshot: true})
		require.NoError(t, err)
		require.NoError(t, fa.PublishAs(ctx, "1", []byte("x")))
		for {
			e, err := sub.Next(ctx)
			require.NoError(t, err)
			if e.Kind == feed.Published || e.Kind == feed.Snapshot {
				require.Equal(t, feed.Event{Kind: e.Kind, Feed: name, ID: "1", Body: []byte("x")}, e)
				break
			}
		}
		require.NoError(t, sub.Close())
	}
	var names []string
	for n, err := range b.Names(ctx) {
		require.NoError(t, err)
		names = append(names, n)
	}
	slices.Sort(names)
	slices.Sort(want)
	require.Equal(t, want, names)
	for _, n := range want {
		require.NoError(t, b.Delete(ctx, n))
		exists, _, err := a.Exists(ctx, n)
		require.NoError(t, err)
		require.False(t, exists)
		require.ErrorIs(t, a.Delete(ctx, n), engine.ErrNoSuchName)
	}
	for n := range b.Names(ctx) {
		require.Empty(t, n)
	}
	for i := range 6 {
		name := fmt.Sprintf("queue-%d", i)
		qa, err := a.Queue(ctx, name, queue.Config{})
		require.NoError(t, err)
		qb, err := b.Queue(ctx, name, queue.Config{})
		require.NoError(t, err)
		got := make(chan queue.Item)
		go func() {
			it, err := qb.Get(ctx)
			if err != nil {
				t.Error(err)
			}
			got <- it
		}()
		redistest.Eventually(t, func() bool { return b.Stats().Waker.Names > 0 })
		id, err := qa.Put(ctx, []byte("y"))
		require.NoError(t, err)
		require.Equal(t, queue.Item{ID: id, Body: []byte("y")}, <-got)

		name = fmt.Sprintf("jobs-%d", i)
		ja, err := a.Jobs(ctx, name, job.Config{})
		require.NoError(t, err)
		jb, err := b.Jobs(ctx, name, job.Config{})
		require.NoError(t, err)
		id, err = ja.Put(ctx, []byte("z"))
		require.NoError(t, err)
		claim, err := jb.Get(ctx)
		require.NoError(t, err)
		done := make(chan []byte)
		go func() {
			r, err := ja.Wait(ctx, id)
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		redistest.Eventually(t, func() bool { return a.Stats().Hub.Channels >= 2 })
		require.NoError(t, claim.Finish(ctx, []byte("result")))
		require.Equal(t, "result", string(<-done))

		name = fmt.Sprintf("sorted-%d", i)
		sa, err := a.Sorted(ctx, name, sorted.Config{})
		require.NoError(t, err)
		_, err = sa.Insert(ctx, []byte("1"), sorted.Last)
		require.NoError(t, err)
	}
}
