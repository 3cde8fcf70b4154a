package queue_test

import (
	"context"
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

// Patience is for a Redis that is away. What has waited for longer than that because much is in front of it goes on waiting
// when Redis forgets its scripts for a moment.
func TestBacklogOutlivesPatience(t *testing.T) {
	t.Parallel()
	const n, patience = 40_000, 200 * time.Millisecond
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	b := benchOn(t, openEngine(t, engine.Config{URL: proxy.URL(), Patience: patience}), srv.URL())
	admin := redistest.Client(t, srv.URL())
	proxy.Delay(50 * time.Millisecond)
	a := b.Async(queue.AsyncOptions{Pending: n})
	var done, failed atomic.Int64
	start := time.Now()
	for i := range n {
		_, err := a.Put(t.Context(), fmt.Append(nil, i), func(_ string, err error) {
			done.Add(1)
			if err != nil {
				failed.Add(1)
			}
		})
		require.NoError(t, err)
	}
	redistest.Eventually(t, func() bool { return time.Since(start) > 2*patience }, "a backlog older than Patience")
	require.Less(t, done.Load(), int64(n), "nothing is left to wait for")
	admin.Do("SCRIPT", "FLUSH")
	assert.NoError(t, a.Flush(t.Context()))
	assert.Zero(t, failed.Load(), "of %d", done.Load())
}

// While Redis is away callers come, wait a little and leave, behind one that is patient. They are not remembered.
func TestWhoLeftIsForgotten(t *testing.T) {
	b, proxy := newProxied(t, engine.Config{})
	_, err := b.Put(t.Context(), []byte("x"))
	require.NoError(t, err)
	proxy.Refuse(true)
	proxy.Cut()
	patient := make(chan error, 1)
	go func() {
		_, err := b.PutMany(context.Background(), make([][]byte, 256))
		patient <- err
	}()
	retries := func() uint64 { return b.eng.Stats().Queues.Retries }
	redistest.Eventually(t, func() bool { return retries() > 0 }, "Redis is away")
	const size, calls = 16 << 10, 20_000
	var left atomic.Int64
	left.Store(calls)
	var callers sync.WaitGroup
	for range 200 {
		callers.Go(func() {
			for left.Add(-1) >= 0 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
				_, err := b.Put(ctx, make([]byte, size))
				assert.ErrorIs(t, err, engine.ErrNotSent)
				cancel()
			}
		})
	}
	callers.Wait()
	before := retries()
	redistest.Eventually(t, func() bool { return retries() > before+1 }, "somebody has looked who is still there")
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d MiB in use", m.HeapAlloc>>20)
	assert.Less(t, m.HeapAlloc, uint64(16<<20), "of %d", size*calls)
	proxy.Refuse(false)
	assert.NoError(t, <-patient)
}
