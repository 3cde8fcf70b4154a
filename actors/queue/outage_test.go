package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
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

// Redis hangs (SIGSTOP) for many times the engine's limit. Every connection that
// the engine gave up has copies of its calls on it, and all of them run.
func TestPausedServer(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	eng := openEngine(t, engine.Config{URL: srv.URL(), Timeout: 20 * time.Millisecond})
	b := benchOn(t, eng, srv.URL())
	ctx := context.Background()
	const rounds, each = 5, 40
	var mu sync.Mutex
	put, got := map[string]int{}, map[string]int{}
	for range rounds {
		var calls sync.WaitGroup
		for range each {
			calls.Go(func() {
				id, err := b.Put(ctx, []byte("x"))
				if assert.NoError(t, err) {
					mu.Lock()
					defer mu.Unlock()
					put[id]++
				}
			})
			calls.Go(func() {
				it, err := b.Get(ctx)
				if assert.NoError(t, err) {
					mu.Lock()
					defer mu.Unlock()
					got[it.ID]++
				}
			})
			calls.Go(func() { // leaves, perhaps in the middle of its take
				ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(60))*time.Millisecond)
				defer cancel()
				if it, err := b.Get(ctx); err == nil {
					_, err = b.Put(context.Background(), it.Body)
					assert.NoError(t, err)
					mu.Lock()
					defer mu.Unlock()
					got[it.ID]++
				}
			})
		}
		require.NoError(t, srv.Pause())
		retries := eng.Stats().Queues.Retries
		calls.Go(func() { // the others may have been quick
			id, err := b.Put(context.Background(), []byte("meanwhile"))
			if assert.NoError(t, err) {
				mu.Lock()
				defer mu.Unlock()
				put[id]++
			}
		})
		redistest.Eventually(t, func() bool { return eng.Stats().Queues.Retries >= retries+3 }, "the engine gives connections up")
		require.NoError(t, srv.Resume())
		calls.Wait()
	}
	for _, it := range b.drain() {
		got[it.ID]++
	}
	for id := range put {
		assert.Equal(t, 1, got[id], "an item that was put is delivered once")
	}
	for id, n := range got {
		assert.Equal(t, 1, n, "delivered twice: %s", id)
	}
	assert.Empty(t, b.state().items)
	t.Logf("%d put, %d delivered, %d retries, %d reconnects", len(put), len(got), eng.Stats().Queues.Retries, eng.Stats().Reconnects)
}

// Redis has forgotten some of the scripts. A call that may have run goes with its
// old number; one behind it with a newer number must not overtake it.
func TestRepeatAndForgottenScript(t *testing.T) {
	t.Parallel()
	b, proxy := newPrivateProxied(t, engine.Config{})
	b.seedMany(5)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left, cut := make(chan struct{}), make(chan struct{})
	var takes atomic.Int64
	proxy.OnRequest(func(_ int, raw []byte) {
		switch {
		case bytes.Contains(raw, named(queue.Take())) && takes.Add(1) == 1:
			cancel()
			<-left
		case bytes.Contains(raw, named(queue.Return())):
			// Sent, as far as the engine can tell, but never run.
			proxy.OnRequest(nil)
			proxy.Refuse(true)
			proxy.Cut()
			close(cut)
		}
	})
	got := b.getter(ctx, 3)
	assert.ErrorIs(t, receive(t, got).err, context.Canceled)
	close(left)
	within(t, cut, "the return was on its way")
	done := make(chan error, 1)
	go func() { _, err := b.Put(context.Background(), []byte("new")); done <- err }()
	go func() { _, err := b.Len(context.Background()); done <- err }()
	b.peer.Do("SCRIPT", "FLUSH")
	b.peer.Do("SCRIPT", "LOAD", queue.Put().Source())
	sent := b.eng.Stats().Queues.Retries
	redistest.Eventually(t, func() bool { return b.eng.Stats().Queues.Retries > sent }, "the calls wait for Redis")
	proxy.Refuse(false)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	assert.Equal(t, "0 1 2 3 4 new", text(b.drain()))
}

// newPrivateProxied is newProxied with a server of its own.
func newPrivateProxied(t testing.TB, cfg engine.Config) (*bench, *redistest.Proxy) {
	t.Helper()
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	cfg.URL = proxy.URL()
	b := benchOn(t, openEngine(t, cfg), srv.URL())
	b.load()
	return b, proxy
}

// Connections are cut after a random number of bytes, in the middle of replies,
// while items are put and taken.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, engine.Config{CheckEvery: 100 * time.Millisecond})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	stop := make(chan struct{})
	var cuts sync.WaitGroup
	cuts.Go(func() {
		for {
			select {
			case <-proxy.CutAfterBytes(1 + rand.Int64N(100<<rand.IntN(10))): // some let the largest reply through
			case <-stop:
				return
			}
		}
	})
	const workers, each = 8, 60
	var mu sync.Mutex
	put, got := map[string]int{}, map[string]int{}
	var calls sync.WaitGroup
	for w := range workers {
		calls.Go(func() {
			for i := range each {
				outcomes, err := b.PutMany(ctx, [][]byte{fmt.Append(nil, w, "-", i), bytes.Repeat([]byte("x"), 300)})
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				for _, o := range outcomes {
					put[o.ID]++
				}
				mu.Unlock()
			}
		})
		calls.Go(func() {
			for n := 0; n < 2*each; {
				items, err := b.GetUpTo(ctx, min(5, 2*each-n), 0)
				if !assert.NoError(t, err) {
					return
				}
				n += len(items)
				mu.Lock()
				for _, it := range items {
					got[it.ID]++
				}
				mu.Unlock()
			}
		})
	}
	calls.Wait()
	close(stop)
	cuts.Wait()
	t.Logf("%d put, %d delivered, left: %+v, retries %d", len(put), len(got), b.state(), b.eng.Stats().Queues.Retries)
	assert.Equal(t, put, got)
	assert.Empty(t, b.drain())
	assert.Positive(t, b.eng.Stats().Queues.Retries)
}
