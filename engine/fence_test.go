package engine_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A publish is on its way for so long that its connection is given up, and is done on the next one. Then the item is
// retracted. When the first copy arrives after all, the item must not come back.
func TestLateCopiesDoNotRun(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	eng := open(t, engine.Config{URL: proxy.URL(), Connections: 1, Timeout: 200 * time.Millisecond})
	f, err := eng.Feed(t.Context(), "f", feed.Config{})
	require.NoError(t, err)

	var once sync.Once
	arrive, arrived := make(chan struct{}), make(chan struct{})
	t.Cleanup(sync.OnceFunc(func() {
		select {
		case <-arrive:
		default:
			close(arrive)
		}
	}))
	proxy.OnRequest(func(_ int, raw []byte) {
		if !bytes.Contains(raw, []byte("the item")) {
			return
		}
		first := false
		once.Do(func() { first = true })
		if first {
			<-arrive
			close(arrived)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	id, err := f.Publish(ctx, []byte("the item"))
	require.NoError(t, err)
	require.NoError(t, f.Retract(ctx, id))
	raw := redistest.Client(t, srv.URL())
	clients := func() int { return bytes.Count([]byte(raw.String("CLIENT", "LIST", "TYPE", "normal")), []byte("\n")) }
	close(arrive)
	<-arrived
	redistest.Eventually(t, func() bool { return clients() <= 2 }, "the first connection is gone from the server: ours and one of the engine are left")
	ids, err := f.IDs(ctx)
	require.NoError(t, err)
	require.Empty(t, ids, "what was retracted is there")
}

// All connections are half open: nothing arrives on them, and nobody is told. Who does nothing but follow finds out by its
// probes, which are published on such a connection too.
func TestFollowerOnHalfOpenConnections(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	eng := open(t, engine.Config{URL: proxy.URL()})
	f, err := eng.Feed(t.Context(), "f", feed.Config{})
	require.NoError(t, err)
	sub, err := f.Follow(t.Context(), feed.FollowOptions{})
	require.NoError(t, err)
	require.Positive(t, proxy.Abandon())
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	e, err := sub.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, feed.Lagged, e.Kind)
	t.Logf("it was told after %v", time.Since(began).Round(100*time.Millisecond))
	require.NoError(t, sub.Close())
}

// TestGetterOnHalfOpenConnections: so does who does nothing but wait for an item.
func TestGetterOnHalfOpenConnections(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	eng := open(t, engine.Config{URL: proxy.URL()})
	q, err := eng.Queue(t.Context(), "q", queue.Config{})
	require.NoError(t, err)
	got := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	go func() {
		_, err := q.Get(ctx)
		got <- err
	}()
	peer := redistest.Client(t, srv.URL())
	waiting := func() bool { return strings.Contains(peer.String("CLIENT", "LIST"), "cmd=brpop") }
	redistest.Eventually(t, waiting)
	require.Positive(t, proxy.Abandon())
	began := time.Now()
	redistest.Eventually(t, func() bool { return !waiting() }) // or it would be given the item
	peer.Pipeline([]any{"HSET", "feed.items:q", "1", "item"}, []any{"LPUSH", "feed.ids:q", "1"})
	require.NoError(t, <-got)
	t.Logf("it had it after %v", time.Since(began).Round(100*time.Millisecond))
}
