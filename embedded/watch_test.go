package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// WATCH does not notice what is taken out of a sorted set or a hash that stays. Peers rely on it when they finish a job, so
// one of them can finish what another one, or an engine, has just finished; the engine's scripts do not. Once this fails, the
// mixed jobs of internal/contract/conformance can run on the embedded server, too.
func TestWatchMissesRemovals(t *testing.T) {
	t.Parallel()
	srv, err := embedded.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	watcher, other := redistest.Client(t, srv.URL()), redistest.Client(t, srv.URL())
	for i, tc := range []struct {
		seed, change []any
		missed       bool
	}{
		{cmd("ZADD", key, 1, "a", 1, "b"), cmd("ZREM", key, "a"), true},
		{cmd("HSET", key, "a", 1, "b", 1), cmd("HDEL", key, "a"), true},
		{cmd("SADD", key, "a", "b"), cmd("SREM", key, "a"), false},
		{cmd("RPUSH", key, "a", "b"), cmd("LREM", key, 0, "a"), false},
		{cmd("RPUSH", key, "a", "b"), cmd("RPOP", key), false},
		{cmd("ZADD", key, 1, "a", 1, "b"), cmd("ZADD", key, 2, "a"), false},
		{cmd("ZADD", key, 1, "a"), cmd("ZREM", key, "a"), false}, // the key ends
	} {
		name := redistest.Name(t)
		do := func(on *redistest.Raw, words []any) any {
			words = append([]any{}, words...)
			words[1] = name
			return on.Do(words...)
		}
		do(other, tc.seed)
		watcher.Do("WATCH", name)
		do(other, tc.change)
		watcher.Do("MULTI")
		watcher.Do("PING")
		assert.Equal(t, tc.missed, watcher.Do("EXEC") != nil, "%d: %v", i, tc.change)
	}
}
