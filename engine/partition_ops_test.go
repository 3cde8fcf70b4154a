package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// TestPartitionOfEverything: what the other tests of partitions leave out. Edits and moves of a sorted feed, publishes that
// nobody waits for, jobs that outlast the partition, and a follower of a pattern, with a replica that each call waits for; and
// engines that begin and end while there are two primaries.
func TestPartitionOfEverything(t *testing.T) {
	t.Parallel()
	s := redistest.PrivateSentinel(t, redisserver.SentinelOptions{Replicas: 2, Partitions: true})
	old, believer := s.Servers()[0], s.Sentinels()[0]
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	cfg := engine.Config{URL: s.URL(), WaitReplicas: 1, WaitTimeout: 200 * time.Millisecond, Lease: time.Second, CheckEvery: 500 * time.Millisecond}
	e, other := open(t, cfg), open(t, cfg)

	list, err := e.Sorted(ctx, "list", sorted.Config{})
	require.NoError(t, err)
	news, err := e.Feed(ctx, "news", feed.Config{})
	require.NoError(t, err)
	work, err := e.Jobs(ctx, "work", job.Config{})
	require.NoError(t, err)

	sub, err := other.FollowFeeds(ctx, "new*", feed.FollowOptions{Mailbox: 1 << 16})
	require.NoError(t, err)
	defer sub.Close()
	lagged, lastHeard := 0, make(chan struct{})
	go func() {
		defer close(lastHeard)
		for {
			ev, err := sub.Next(ctx)
			if err != nil || ev.ID == "last" {
				return
			}
			if ev.Kind == feed.Lagged {
				lagged++
			}
		}
	}()

	var mu sync.Mutex
	ran, running := make(map[string]int), 0
	theirs, err := other.Jobs(ctx, "work", job.Config{})
	require.NoError(t, err)
	require.NoError(t, other.Handle(ctx, theirs, func(ctx context.Context, c *job.Claim) ([]byte, error) {
		mu.Lock()
		running++
		mu.Unlock()
		if strings.HasSuffix(string(c.Body), "00") { // a slow one
			select {
			case <-time.After(2 * time.Second):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		mu.Lock()
		defer mu.Unlock()
		ran[string(c.Body)]++
		return nil, nil
	}, pool.Options{Workers: 20}))

	stop := make(chan struct{})
	var writers sync.WaitGroup
	stopped := func() bool {
		select {
		case <-stop:
			return true
		default:
			return false
		}
	}
	failed := make(map[string]int)
	fails := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if errors.Is(err, engine.ErrNotReplicated) {
			failed["not replicated"]++
		} else {
			failed[err.Error()]++
		}
	}
	type item struct {
		id           string
		sure, latest int
	}
	items := make([]item, 6)
	for i := range items {
		items[i].id, err = list.Append(ctx, []byte("0"))
		require.NoError(t, err)
	}
	for i := range items {
		writers.Go(func() {
			it := &items[i]
			for n := 1; !stopped(); n++ {
				it.latest = n
				if err := list.Edit(ctx, it.id, []byte(fmt.Sprint(n))); err == nil {
					it.sure = n
				} else {
					fails(err)
				}
				if err := list.Move(ctx, it.id, sorted.First); err != nil {
					fails(err)
				}
			}
		})
	}
	appended := make(map[string]bool)
	for range 2 {
		writers.Go(func() {
			for !stopped() {
				if id, err := list.Append(ctx, []byte("x")); err == nil {
					mu.Lock()
					appended[id] = true
					mu.Unlock()
				} else {
					fails(err)
				}
			}
		})
	}
	published := make(map[string]bool)
	async := news.Async(feed.AsyncOptions{Pending: 256})
	writers.Go(func() {
		pace := time.NewTicker(time.Millisecond) // for every 20, so that there is less to compare in the end
		defer pace.Stop()
		for n := 0; !stopped(); n++ {
			_ = async.PublishAs(ctx, fmt.Sprint("n", n), []byte("x"), func(id string, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					published[id] = true
				}
			})
			if n%20 == 0 {
				<-pace.C
			}
		}
	})
	put := make(map[string]bool)
	for w := range 3 {
		writers.Go(func() {
			pace := time.NewTicker(5 * time.Millisecond) // no more jobs than handlers can run in time
			defer pace.Stop()
			for n := 0; !stopped(); n++ {
				body := fmt.Sprintf("j%d-%d", w, n)
				if _, err := work.Put(ctx, []byte(body)); err == nil {
					mu.Lock()
					put[body] = true
					mu.Unlock()
				} else {
					fails(err)
				}
				<-pace.C
			}
		})
	}
	has := func(cond func() bool) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return cond() }
	}
	redistest.Eventually(t, has(func() bool { return len(appended) > 0 && len(published) > 0 && len(put) > 0 && running > 0 }), "work")

	s.Isolate(old, believer)
	e2, err := engine.Open(ctx, engine.Config{URL: s.URL()}) // nobody has decided yet
	require.NoError(t, err)
	f2, err := e2.Feed(ctx, "own", feed.Config{})
	require.NoError(t, err)
	_, err = f2.Publish(ctx, []byte("x"))
	require.NoError(t, err)
	require.NoError(t, e2.Close(ctx))

	now, err := s.Successor(ctx, old)
	require.NoError(t, err)
	e3 := open(t, engine.Config{URL: s.URL()}) // two primaries, and a sentinel that tells the wrong one
	f3, err := e3.Feed(ctx, "own", feed.Config{})
	require.NoError(t, err)
	require.NoError(t, f3.PublishAs(ctx, "there", []byte("x")))
	n := 0
	require.NoError(t, now.Do(ctx, &n, "HEXISTS", "feed.items:own", "there"))
	require.Equal(t, 1, n)
	n = 0
	mu.Lock()
	count := len(appended)
	mu.Unlock()
	redistest.Eventually(t, has(func() bool { return len(appended) > count+10 }), "with the other replica")
	// An engine that knows only the sentinel that is cut off begins at the old primary, and leaves it by itself.
	e4 := open(t, engine.Config{URL: "redis+sentinel://" + believer.HostPort() + "/" + redisserver.MasterName})
	f4, err := e4.Feed(ctx, "own", feed.Config{})
	require.NoError(t, err)
	redistest.Eventually(t, func() bool {
		require.NoError(t, f4.PublishAs(ctx, "there too", []byte("x")))
		require.NoError(t, now.Do(ctx, &n, "HEXISTS", "feed.items:own", "there too"))
		return n == 1
	}, "it leaves")

	s.Rejoin()
	require.NoError(t, s.Healthy(ctx))
	close(stop)
	writers.Wait()
	_ = async.Flush(ctx)
	require.NoError(t, news.PublishAs(ctx, "last", []byte("x")))
	<-lastHeard

	t.Logf("%d appended, %d published, %d put, failed: %v, lagged %d", len(appended), len(published), len(put), failed, lagged)
	for _, it := range items {
		body, err := list.Get(ctx, it.id)
		require.NoError(t, err)
		var n int
		fmt.Sscan(string(body), &n)
		assert.True(t, it.sure <= n && n <= it.latest, "%d is there, %d is sure, %d was tried", n, it.sure, it.latest)
	}
	ids, err := list.IDs(ctx)
	require.NoError(t, err)
	there := map[string]int{}
	for _, id := range ids {
		there[id]++
	}
	for id, n := range there {
		assert.Equal(t, 1, n, id)
	}
	for id := range appended {
		assert.Equal(t, 1, there[id], "appended %s", id)
	}
	stored := map[string]bool{}
	ids, err = news.IDs(ctx)
	require.NoError(t, err)
	for _, id := range ids {
		stored[id] = true
	}
	lost := 0
	for id := range published {
		if !stored[id] {
			lost++
		}
	}
	assert.Zero(t, lost)
	assert.Positive(t, lagged)
	redistest.Eventually(t, has(func() bool {
		for body := range put {
			if ran[body] == 0 {
				return false
			}
		}
		return true
	}), "all jobs run")
}
