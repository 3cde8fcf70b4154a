package redistest

import (
	"errors"
	"testing"

	"github.com/thoonk-go/thoonk/internal/redisserver"
)

// PrivateCluster starts a Redis Cluster of the test's own, to break it, and stops it when the test ends. Without a
// redis-server the test is skipped; with CI set it fails.
func PrivateCluster(t testing.TB, opts redisserver.ClusterOptions) *redisserver.Cluster {
	t.Helper()
	c, err := redisserver.StartCluster(t.Context(), opts)
	own(t, c, err)
	return c
}

// PrivateSentinel starts a primary that sentinels watch, of the test's own, to break it, and stops it when the test ends.
// Without a redis-server the test is skipped; with CI set it fails.
func PrivateSentinel(t testing.TB, opts redisserver.SentinelOptions) *redisserver.Sentinel {
	t.Helper()
	s, err := redisserver.StartSentinel(t.Context(), opts)
	own(t, s, err)
	return s
}

// own has the test stop what was started for it.
func own(t testing.TB, started interface{ Stop() error }, err error) {
	t.Helper()
	if errors.Is(err, redisserver.ErrNotFound) {
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
