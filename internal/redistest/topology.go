package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/thoonk-go/thoonk/internal/redisserver"
)

// PrivateCluster starts a Redis Cluster of the test's own, to break it, and stops it when the test ends. Without a
// redis-server the test is skipped; with CI set it fails.
func PrivateCluster(t testing.TB, opts redisserver.ClusterOptions) *redisserver.Cluster {
	t.Helper()
	needOwn(t)
	c, err := redisserver.StartCluster(t.Context(), opts)
	own(t, c, err)
	return c
}

// PrivateSentinel starts a primary that sentinels watch, of the test's own, to break it, and stops it when the test ends.
// Without a redis-server the test is skipped, and where there are no partitions one that asks for them; with CI set it fails.
func PrivateSentinel(t testing.TB, opts redisserver.SentinelOptions) *redisserver.Sentinel {
	t.Helper()
	needOwn(t)
	s, err := redisserver.StartSentinel(t.Context(), opts)
	own(t, s, err)
	return s
}

// needOwn ends a test that is about to start a server of its own where the tests run on a topology: it would do the same
// there as without one.
func needOwn(t testing.TB) {
	t.Helper()
	if topology := os.Getenv("THOONK_TOPOLOGY"); topology != "" {
		skipTopology(t, topology, "has a server or a topology of its own")
	}
}

// own has the test stop what was started for it.
func own(t testing.TB, started interface{ Stop() error }, err error) {
	t.Helper()
	if errors.Is(err, redisserver.ErrNotFound) || errors.Is(err, redisserver.ErrNoPartitions) {
		skip(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Stop(); err != nil {
			t.Errorf("stop the test's redis-server: %v", err)
		}
	})
}

// startTopology starts what THOONK_TOPOLOGY names, for all tests of the binary.
func startTopology(topology string) (*Target, func() error, error) {
	var started interface {
		Stop() error
		URL() string
	}
	const patient = 30 * time.Second // busy processors are no reason for a fail-over
	var err error
	switch topology {
	case "cluster":
		started, err = redisserver.StartCluster(context.Background(), redisserver.ClusterOptions{NodeTimeout: patient})
	case "sentinel":
		started, err = redisserver.StartSentinel(context.Background(), redisserver.SentinelOptions{DownAfter: patient})
	default:
		err = fmt.Errorf("THOONK_TOPOLOGY is %q; it can be cluster or sentinel", topology)
	}
	if err != nil {
		return nil, nil, err
	}
	say("using a private %s", topology)
	ep, err := parseURL(started.URL())
	ep.url = started.URL()
	return &Target{endpoint: ep, topology: topology}, started.Stop, err
}

// skipTopology ends a test that makes no sense where it would run.
func skipTopology(t testing.TB, topology, why string) {
	t.Helper()
	elsewhere.add(t.Name() + " (" + why + ")")
	t.Skipf("SKIPPED on %s: %s", topology, why)
}

// elsewhere names the tests that were skipped because of the topology, and why.
var elsewhere names
