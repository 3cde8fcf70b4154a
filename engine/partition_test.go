package engine_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A split has the primary and one sentinel on one side, and the replica with two sentinels on the other. Clients reach all.
type split struct {
	*redisserver.Sentinel
	old, replica *redisserver.Server
	believer     *redisserver.Server // the sentinel that is cut off
	began        time.Time
}

func newSplit(t *testing.T) *split {
	t.Helper()
	s := redistest.PrivateSentinel(t, redisserver.SentinelOptions{Replicas: 1, Partitions: true})
	return &split{Sentinel: s, old: s.Servers()[0], replica: s.Servers()[1], believer: s.Sentinels()[0]}
}

// cut begins the split.
func (s *split) cut() {
	s.began = time.Now()
	s.Isolate(s.old, s.believer)
}

// decided waits until the majority has made the replica the primary.
func (s *split) decided(t *testing.T, ctx context.Context) {
	t.Helper()
	now, err := s.Successor(ctx, s.old)
	require.NoError(t, err)
	require.Same(t, s.replica, now)
}

// lasts checks that two servers are primaries, and that the sentinel which is cut off tells the old one.
func (s *split) lasts(t *testing.T, ctx context.Context) {
	t.Helper()
	require.NoError(t, s.old.AwaitPrimary(ctx))
	require.NoError(t, s.replica.AwaitPrimary(ctx))
	var told []string
	require.NoError(t, s.believer.Do(ctx, &told, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", redisserver.MasterName))
	require.Equal(t, s.old.HostPort(), net.JoinHostPort(told[0], told[1]))
}

// clients is how many connections engines have to a server.
func clients(t *testing.T, ctx context.Context, srv *redisserver.Server) (n int) {
	t.Helper()
	for _, kind := range []string{"normal", "pubsub"} {
		var list string
		require.NoError(t, srv.Do(ctx, &list, "CLIENT", "LIST", "TYPE", kind))
		for line := range strings.Lines(list) {
			if strings.Contains(line, " addr=127.0.0.1:") && !strings.Contains(line, " name=sentinel-") {
				n++
			}
		}
	}
	return n
}

// TestPartition: while two primaries take writes, engines leave the one that most sentinels have replaced, although one
// sentinel goes on telling it. With replicas to wait for, nothing that was acknowledged is lost; without, what the old primary
// took meanwhile is.
func TestPartition(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{0, 1} {
		t.Run("replicas "+strconv.Itoa(replicas), func(t *testing.T) {
			t.Parallel()
			s := newSplit(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			tr := startTraffic(t, engine.Config{URL: s.URL(), WaitReplicas: replicas, WaitTimeout: 200 * time.Millisecond})
			tr.success()
			require.Positive(t, clients(t, ctx, s.old))

			s.cut()
			s.decided(t, ctx)
			decided := time.Now()
			redistest.Eventually(t, func() bool {
				return clients(t, ctx, s.old) == 0 && clients(t, ctx, s.replica) > 0
			}, "engines leave the old primary")
			left := time.Now()
			s.lasts(t, ctx)
			if replicas == 0 {
				tr.success()
			}
			s.lasts(t, ctx)
			require.Zero(t, clients(t, ctx, s.old))

			s.Rejoin()
			rejoined := time.Now()
			require.NoError(t, s.Healthy(ctx))
			healed := time.Now()
			tr.success()
			require.Zero(t, clients(t, ctx, s.old))
			a := tr.end()
			t.Logf("decided after %v; left %v later; all follow %v after the partition: %v",
				decided.Sub(s.began), left.Sub(decided), healed.Sub(rejoined), a)
			assert.Zero(t, a.disordered)
			if replicas > 0 {
				assert.Zero(t, a.lost)
				assert.Zero(t, a.doubled)
			}
		})
	}
}

// TestFollowerOnTheWrongSide: a follower hears what the old primary is told until the engine leaves it. Then it is told that
// messages may be missing, and its copy is what the new primary has: without what was published on the wrong side, and with
// what was published on the right one before the engine was there.
func TestFollowerOnTheWrongSide(t *testing.T) {
	t.Parallel()
	s := newSplit(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e := open(t, engine.Config{URL: s.URL()})
	news, err := e.Feed(ctx, "news", feed.Config{})
	require.NoError(t, err)
	sub, err := news.Follow(ctx, feed.FollowOptions{Snapshot: true})
	require.NoError(t, err)
	defer sub.Close()
	copied := map[string]bool{}
	lagged := 0
	until := func(cond func() bool) {
		t.Helper()
		for !cond() {
			ev, err := sub.Next(ctx)
			if err != nil {
				require.NoError(t, ctx.Err(), "has %v, was told %d times", copied, lagged)
				continue // of reading the snapshot
			}
			switch ev.Kind {
			case feed.Lagged:
				clear(copied)
				lagged++
			case feed.Snapshot, feed.Published:
				copied[ev.ID] = true
			}
		}
	}
	require.NoError(t, news.PublishAs(ctx, "before", nil))
	require.NoError(t, s.old.AwaitReplicas(ctx))
	until(func() bool { return copied["before"] })

	s.cut()
	require.NoError(t, news.PublishAs(ctx, "on the wrong side", nil))
	until(func() bool { return copied["on the wrong side"] })
	require.Zero(t, lagged)
	s.decided(t, ctx)
	there, err := open(t, engine.Config{URL: s.replica.TCPURL()}).Feed(ctx, "news", feed.Config{})
	require.NoError(t, err)
	require.NoError(t, there.PublishAs(ctx, "on the right side", nil))
	until(func() bool { return lagged > 0 && copied["on the right side"] })
	s.lasts(t, ctx)
	require.NoError(t, news.PublishAs(ctx, "after", nil))
	until(func() bool { return copied["after"] })
	require.Equal(t, map[string]bool{"before": true, "on the right side": true, "after": true}, copied)

	s.Rejoin()
	require.NoError(t, s.Healthy(ctx))
	require.NoError(t, news.PublishAs(ctx, "in the end", nil))
	until(func() bool { return copied["in the end"] })
	require.Equal(t, map[string]bool{"before": true, "on the right side": true, "after": true, "in the end": true}, copied)
}
