package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// After a restart, which forgets scripts and connections, names teach each other's scripts:
// that neither changes the order of items nor loses or doubles one.
func TestAsyncWhileScriptsAreLearnt(t *testing.T) {
	t.Parallel()
	const n = 4000
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	eng := openEngine(t, engine.Config{URL: proxy.URL(), Connections: 4})
	peer := redistest.Client(t, srv.URL())
	var queues []*queue.Queue
	var asyncs []*queue.Async
	for i := range 4 {
		q, err := eng.Queue(t.Context(), fmt.Sprint(redistest.Name(t), i), queue.Config{})
		require.NoError(t, err)
		queues, asyncs = append(queues, q), append(asyncs, q.Async(queue.AsyncOptions{}))
	}
	for i := range n {
		if i%500 == 250 { // as a restart does: no connection, no script
			proxy.Refuse(true)
			proxy.Cut()
			peer.Do("SCRIPT", "FLUSH")
			proxy.Refuse(false)
		}
		for _, a := range asyncs {
			_, err := a.Put(t.Context(), fmt.Append(nil, i), func(_ string, err error) { assert.NoError(t, err) })
			require.NoError(t, err)
		}
	}
	for i, a := range asyncs {
		require.NoError(t, a.Flush(t.Context()))
		items, err := queues[i].GetUpTo(t.Context(), n, 10*time.Second)
		require.NoError(t, err)
		require.Len(t, items, n)
		for k, it := range items {
			require.Equal(t, fmt.Sprint(k), string(it.Body))
		}
	}
}
