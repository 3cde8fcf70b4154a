package queue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
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

// Each item is told whether the queue was there, also when that changes all the time.
func TestAsyncWhileDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.another()
	a := b.Async(queue.AsyncOptions{})
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = b.eng.Delete(context.Background(), b.name)
			_, _ = b.eng.Queue(context.Background(), b.name, queue.Config{})
		}
	})
	var n, ok, gone atomic.Int64
	for i := range 20000 {
		_, err := a.Put(t.Context(), fmt.Append(nil, i), func(_ string, err error) {
			n.Add(1)
			switch {
			case err == nil:
				ok.Add(1)
			case errors.Is(err, engine.ErrNoSuchName):
				gone.Add(1)
			default:
				t.Error(err)
			}
		})
		require.NoError(t, err)
	}
	_ = a.Flush(t.Context())
	close(stop)
	wait.Wait()
	assert.EqualValues(t, 20000, n.Load())
	assert.EqualValues(t, 20000, ok.Load()+gone.Load())
}

// An actor that is idle may end while an item is on its way to it: the next one gets it, in order.
func TestAsyncOverIdleActors(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	b := benchOn(t, openEngine(t, engine.Config{URL: target.URL(), IdleAfter: time.Nanosecond}), target.URL())
	a := b.Async(queue.AsyncOptions{Pending: 200})
	const n = 30000
	var told []string
	for i := range n {
		_, err := a.Put(t.Context(), fmt.Append(nil, i), func(id string, err error) {
			assert.NoError(t, err)
			told = append(told, id)
		})
		require.NoError(t, err)
		if i%300 == 0 {
			runtime.Gosched()
		}
		if i%1000 == 0 {
			require.NoError(t, a.Flush(t.Context()))
		}
	}
	require.NoError(t, a.Flush(t.Context()))
	var items []queue.Item
	for len(items) < n {
		more, err := b.GetUpTo(t.Context(), n-len(items), time.Minute)
		require.NoError(t, err)
		items = append(items, more...)
	}
	for i, it := range items {
		require.Equal(t, fmt.Sprint(i), string(it.Body))
		require.Equal(t, told[i], it.ID)
	}
}
