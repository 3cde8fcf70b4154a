package redistest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redisserver"
)

// TestAudit: a key that a script has not declared is found.
func TestAudit(t *testing.T) {
	t.Parallel()
	srv := Private(t, redisserver.Options{})
	a, err := audit(mustParse(t, srv.URL()))
	require.NoError(t, err)
	peer := Client(t, srv.URL())
	run := func(script string, keys ...any) {
		sha := peer.String("SCRIPT", "LOAD", script)
		peer.Do(append([]any{"EVALSHA", sha, len(keys)}, keys...)...)
	}
	run(`redis.call('SET', KEYS[1], "1"); redis.call('UNLINK', KEYS[1], KEYS[2]); redis.call('PUBLISH', 'c', 'm')`, "a\n", "b")
	peer.Eval(`redis.call('SET', 'not ours', '1')`, nil)
	Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.calls == 3
	})
	require.Empty(t, a.violations)
	run(`redis.call('SET', KEYS[1] .. ':1', '1')`, "feed.result:x")
	Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.calls == 4
	})
	err = a.close()
	require.Error(t, err)
	assert.Contains(t, err.Error(), "SET feed.result:x:1")
}
