package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A failing is a topology and what can happen to it. down takes a primary that traffic needs away and returns when
// another one has taken over; up brings it back.
type failing struct {
	url      string
	down, up func(ctx context.Context) error
	healthy  func(ctx context.Context) error
}

// Faults of a primary.
const (
	killed  = "killed"
	stopped = "stopped"
	planned = "planned"
	cutOff  = "cut off"
)

// nodeTimeout is not shorter, or links between nodes that are well break when the processors are busy, and messages on
// them are lost.
const nodeTimeout = 2 * time.Second

func failingCluster(t *testing.T, fault string) failing {
	c := redistest.PrivateCluster(t, redisserver.ClusterOptions{NodeTimeout: nodeTimeout, Partitions: fault == cutOff})
	victim := c.Nodes()[1]
	successor := c.Nodes()[4]
	f := failing{url: c.URL(), healthy: c.Healthy}
	await := successor.AwaitPrimary
	switch fault {
	case killed:
		f.down = func(ctx context.Context) error { return then(ctx, victim.Kill(), await) }
		f.up = victim.Restart
	case stopped:
		f.down = func(ctx context.Context) error { return then(ctx, victim.Pause(), await) }
		f.up = func(context.Context) error { return victim.Resume() }
	case planned:
		f.down = func(ctx context.Context) error { _, err := c.Failover(ctx, victim); return err }
		f.up = func(context.Context) error { return nil }
	case cutOff:
		f.down = func(ctx context.Context) error { c.Isolate(victim); return await(ctx) }
		f.up = func(context.Context) error { c.Rejoin(); return nil }
	}
	return f
}

func failingSentinel(t *testing.T, fault string) failing {
	// One replica, so that who has acknowledged is who takes over.
	s := redistest.PrivateSentinel(t, redisserver.SentinelOptions{Replicas: 1})
	victim := s.Servers()[0]
	f := failing{url: s.URL(), healthy: s.Healthy}
	await := func(ctx context.Context) error { _, err := s.Successor(ctx, victim); return err }
	switch fault {
	case killed:
		f.down = func(ctx context.Context) error { return then(ctx, victim.Kill(), await) }
		f.up = func(ctx context.Context) error { return s.Restart(ctx, victim) }
	case stopped:
		f.down = func(ctx context.Context) error { return then(ctx, victim.Pause(), await) }
		f.up = func(context.Context) error { return victim.Resume() }
	case planned:
		f.down = func(ctx context.Context) error { _, err := s.Failover(ctx); return err }
		f.up = func(context.Context) error { return nil }
	}
	return f
}

// then waits, unless what comes before has failed.
func then(ctx context.Context, err error, wait func(context.Context) error) error {
	if err != nil {
		return err
	}
	return wait(ctx)
}

// TestFailover: whatever happens to a primary under load, calls go on with its successor, errors tell whether a call ran,
// followers know what is there in the end, and what replicas have acknowledged is not lost.
func TestFailover(t *testing.T) {
	t.Parallel()
	topologies := map[string]func(*testing.T, string) failing{"cluster": failingCluster, "sentinel": failingSentinel}
	for name, topology := range topologies {
		for _, fault := range []string{killed, stopped, planned, cutOff} {
			if fault == cutOff && name == "sentinel" {
				continue // TestPartition
			}
			for _, replicas := range []int{0, 1} {
				t.Run(fmt.Sprintf("%s %s, replicas %d", name, fault, replicas), func(t *testing.T) {
					t.Parallel()
					f := topology(t, fault)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					tr := startTraffic(t, engine.Config{URL: f.url, WaitReplicas: replicas, WaitTimeout: 200 * time.Millisecond})
					tr.success()
					require.NoError(t, f.down(ctx))
					if replicas == 0 {
						tr.success()
					}
					require.NoError(t, f.up(ctx))
					require.NoError(t, f.healthy(ctx))
					tr.success()
					a := tr.end()
					t.Log(a)
					assert.Zero(t, a.disordered)
					if replicas > 0 {
						assert.Zero(t, a.lost, "acknowledged by a replica")
						assert.Zero(t, a.doubled, "acknowledged by a replica")
					}
				})
			}
		}
	}
}

// TestMigration: slots move from node to node under load; nobody notices.
func TestMigration(t *testing.T) {
	t.Parallel()
	c := redistest.PrivateCluster(t, redisserver.ClusterOptions{NodeTimeout: nodeTimeout, Replicas: -1})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tr := startTraffic(t, engine.Config{URL: c.URL()})
	tr.success()
	moves := 0
	for round := range 3 {
		for i := range trafficNames {
			for _, name := range []string{tr.feeds[i].Name(), tr.queues[i].Name(), tr.jobs[i].Name()} {
				slot := redisserver.Slot("feed.ids:{" + name + "}")
				require.NoError(t, c.Migrate(ctx, slot, c.Nodes()[(slot+round)%3]))
				moves++
			}
		}
		tr.success()
	}
	a := tr.end()
	t.Logf("%d moves: %v", moves, a)
	assert.Zero(t, a.lost)
	assert.Zero(t, a.doubled)
	assert.Zero(t, a.disordered)
	assert.Empty(t, a.failed)
}
