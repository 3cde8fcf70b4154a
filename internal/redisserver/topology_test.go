package redisserver

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func startCluster(t *testing.T, opts ClusterOptions) *Cluster {
	t.Helper()
	need(t)
	begin := time.Now()
	c, err := StartCluster(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	t.Logf("started in %v", time.Since(begin))
	return c
}

func startSentinel(t *testing.T, opts SentinelOptions) *Sentinel {
	t.Helper()
	need(t)
	begin := time.Now()
	s, err := StartSentinel(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	t.Logf("started in %v", time.Since(begin))
	return s
}

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestClusterFaults goes through everything that can be done to a cluster: a slot moves, a primary hands over, one is
// killed and comes back.
func TestClusterFaults(t *testing.T) {
	t.Parallel()
	c := startCluster(t, ClusterOptions{})
	ctx := patience(t)
	require.Len(t, c.Nodes(), 6)

	owner, err := c.OwnerOf(ctx, "feed.ids:{x}")
	require.NoError(t, err)
	require.NoError(t, owner.Do(ctx, nil, "SET", "feed.ids:{x}", "kept"))
	var value string
	other := c.Nodes()[0]
	if other == owner {
		other = c.Nodes()[1]
	}
	require.NoError(t, c.Migrate(ctx, Slot("feed.ids:{x}"), other))
	require.NoError(t, other.Do(ctx, &value, "GET", "feed.ids:{x}"))
	require.Equal(t, "kept", value)
	require.ErrorContains(t, owner.Do(ctx, nil, "GET", "feed.ids:{x}"), "MOVED")
	require.NoError(t, other.AwaitReplicas(ctx))
	require.NoError(t, c.Healthy(ctx))

	successor, err := c.Failover(ctx, other)
	require.NoError(t, err)
	require.NoError(t, successor.Do(ctx, &value, "GET", "feed.ids:{x}"))
	require.Equal(t, "kept", value)
	require.NoError(t, c.Healthy(ctx))

	require.NoError(t, successor.Kill())
	require.NoError(t, other.AwaitPrimary(ctx))
	require.NoError(t, successor.Restart(ctx))
	require.NoError(t, c.Healthy(ctx))
	require.NoError(t, other.Do(ctx, &value, "GET", "feed.ids:{x}"))
	require.Equal(t, "kept", value)
}

// TestClusterPartition: the majority replaces an isolated primary, which takes no more writes and later follows.
func TestClusterPartition(t *testing.T) {
	t.Parallel()
	c := startCluster(t, ClusterOptions{Partitions: true})
	ctx := patience(t)
	old, err := c.Owner(ctx, 0)
	require.NoError(t, err)
	replica, err := c.ReplicaOf(ctx, old)
	require.NoError(t, err)
	c.Isolate(old)
	require.NoError(t, replica.AwaitPrimary(ctx))
	require.NoError(t, poll(ctx, func() (bool, error) {
		return old.Do(ctx, nil, "SET", "{06S}", "1") != nil, nil // its slot is 0
	}))
	c.Rejoin()
	require.NoError(t, c.Healthy(ctx))
	now, err := c.Owner(ctx, 0)
	require.NoError(t, err)
	require.Same(t, replica, now)
}

// TestSentinelFaults: a planned fail-over, and one after a kill.
func TestSentinelFaults(t *testing.T) {
	t.Parallel()
	need(t)
	s := startSentinel(t, SentinelOptions{Server: Options{Password: "secret"}})
	ctx := patience(t)

	first, err := s.Primary(ctx)
	require.NoError(t, err)
	require.Same(t, s.Servers()[0], first)
	require.NoError(t, first.Do(ctx, nil, "SET", "k", "kept"))
	second, err := s.Failover(ctx)
	require.NoError(t, err)
	require.NotSame(t, first, second)
	require.NoError(t, s.Healthy(ctx))

	require.NoError(t, second.Kill())
	third, err := s.Successor(ctx, second)
	require.NoError(t, err)
	var value string
	require.NoError(t, third.Do(ctx, &value, "GET", "k"))
	require.Equal(t, "kept", value)
	require.NoError(t, s.Restart(ctx, second))
	require.NoError(t, s.Healthy(ctx))
	for _, dir := range s.dirs {
		require.DirExists(t, dir)
	}
	require.NoError(t, s.Stop())
	for _, dir := range s.dirs {
		_, err := os.Stat(dir)
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}
