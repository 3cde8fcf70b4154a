package engine_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// Where replicas are missing, the calls on many names wait one after the other on a connection. That is not taken for a
// server that hangs: each call is told why it failed, and the connection stays.
func TestManyWaitForReplicas(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	names := make([]string, 10)
	plain := open(t, engine.Config{URL: srv.URL()})
	for i := range names {
		names[i] = fmt.Sprintf("q%d", i)
		_, err := plain.Queue(t.Context(), names[i], queue.Config{})
		require.NoError(t, err)
	}
	e := open(t, engine.Config{URL: srv.URL(), Connections: 1, Timeout: 2 * time.Second, WaitReplicas: 1, WaitTimeout: 500 * time.Millisecond})
	var puts sync.WaitGroup
	for _, name := range names {
		puts.Go(func() {
			_, err := e.Queue(t.Context(), name, queue.Config{})
			assert.ErrorIs(t, err, engine.ErrNotReplicated)
		})
	}
	puts.Wait()
	assert.Zero(t, e.Stats().Reconnects)
}
