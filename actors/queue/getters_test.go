package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
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

// Thousands wait; they are served in the order in which they came, those who left
// are passed over, and items arrive in every way.
func TestArrivalOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const getters = 2000
	type waiter struct {
		got    <-chan answer
		leaves bool
	}
	var waiters []waiter
	leaving, leave := context.WithCancel(t.Context())
	for i := range getters {
		w := waiter{leaves: i%7 == 3}
		ctx := t.Context()
		if w.leaves {
			ctx = leaving
		}
		w.got = b.getter(ctx, 1)
		waiters = append(waiters, w)
	}
	leave()
	for _, w := range waiters {
		if w.leaves {
			assert.ErrorIs(t, receive(t, w.got).err, context.Canceled)
		}
	}
	n := 0
	for _, w := range waiters {
		if !w.leaves {
			n++
		}
	}
	var many [][]byte
	for i := range n {
		many = append(many, strconv.AppendInt(nil, int64(i), 10))
	}
	_, err := b.Put(t.Context(), many[0])
	require.NoError(t, err)
	_, err = b.PutMany(t.Context(), many[1:])
	require.NoError(t, err)
	n = 0
	for i, w := range waiters {
		if w.leaves {
			continue
		}
		a := receive(t, w.got)
		require.NoError(t, a.err)
		require.Equal(t, strconv.Itoa(n), text(a.items), "getter %d", i)
		n++
	}
	assert.Empty(t, b.drain())
}

// A getter leaves at every stage; the item goes to the next one, or stays.
func TestLeaving(t *testing.T) {
	t.Parallel()
	t.Run("in line", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		ctx, cancel := context.WithCancel(t.Context())
		first, second := b.getter(ctx, 1), b.getter(t.Context(), 1)
		cancel()
		a := receive(t, first)
		assert.ErrorIs(t, a.err, context.Canceled)
		assert.ErrorIs(t, a.err, engine.ErrNotSent)
		_, err := b.Put(t.Context(), []byte("x"))
		require.NoError(t, err)
		assert.Equal(t, "x", text(receive(t, second).items))
	})
	t.Run("during the take, somebody waits behind", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		b.seedMany(1)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		at(proxy, queue.Take(), func([]byte) { cancel(); <-left })
		first := b.getter(ctx, 1)
		assert.ErrorIs(t, receive(t, first).err, context.Canceled)
		second := b.getter(t.Context(), 1)
		close(left)
		assert.Equal(t, "0", text(receive(t, second).items))
	})
	t.Run("during the take, somebody waits in another engine", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		other := b.another()
		b.seedMany(1)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		at(proxy, queue.Take(), func([]byte) { cancel(); <-left })
		first := b.getter(ctx, 1)
		assert.ErrorIs(t, receive(t, first).err, context.Canceled)
		proxy.OnRequest(func(int, []byte) {})
		close(left)
		redistest.Eventually(t, func() bool { return b.state().ids == "i00000" }, "it is back")
		assert.Equal(t, "0", text(other.take(1)))
	})
	t.Run("between the answer and the return", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.seedMany(200)
		// Both are ready when Wait looks: whichever it sees, the item is somewhere.
		got := 0
		for range 200 {
			ctx, cancel := context.WithCancel(t.Context())
			wait, err := b.Line(ctx, 1)
			require.NoError(t, err)
			go cancel()
			if items, err := wait(ctx); err == nil {
				got += len(items)
			}
		}
		assert.Equal(t, 200, got+len(b.drainAll(200-got)))
	})
	t.Run("while it lingers", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.seedMany(2)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan answer, 1)
		go func() {
			items, err := b.GetUpTo(ctx, 5, time.Hour)
			done <- answer{items, err}
		}()
		redistest.Eventually(t, func() bool { return b.state().ids == "" }, "it has two")
		cancel()
		a := receive(t, done)
		require.NoError(t, a.err)
		assert.Equal(t, "0 1", text(a.items))
	})
}

// drainAll takes n items, which may still be on their way back.
func (b *bench) drainAll(n int) (items []queue.Item) {
	b.t.Helper()
	for len(items) < n {
		items = append(items, b.take(n-len(items))...)
	}
	return append(items, b.drain()...)
}

// Items are conserved however many getters leave. (Each goes back to its place, but
// what the waker popped and what a take brought go back independently.)
func TestManyLeave(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const items = 500
	b.seedMany(items)
	var mu sync.Mutex
	var got []queue.Item
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(1500))*time.Microsecond)
				some, err := b.GetUpTo(ctx, 1+rand.IntN(3), 0)
				cancel()
				if err != nil {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
				}
				mu.Lock()
				got = append(got, some...)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	rest := b.drainAll(items - len(got))
	seen := map[string]bool{}
	for _, it := range append(got, rest...) {
		assert.False(t, seen[it.ID], "twice: %s", it.ID)
		seen[it.ID] = true
	}
	assert.Len(t, seen, items)
}

func TestGetUpTo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	done := make(chan answer, 1)
	go func() {
		items, err := b.GetUpTo(t.Context(), 3, time.Hour)
		done <- answer{items, err}
	}()
	for i := range 4 {
		_, err := b.Put(t.Context(), strconv.AppendInt(nil, int64(i), 10))
		require.NoError(t, err)
	}
	a := receive(t, done) // it is full: the linger is not waited for
	require.NoError(t, a.err)
	assert.Equal(t, "0 1 2", text(a.items))
	assert.Equal(t, "3", text(b.drain()))

	b.seedMany(1)
	start := time.Now()
	items, err := b.GetUpTo(t.Context(), 3, 50*time.Millisecond)
	require.NoError(t, err)
	assert.Equal(t, "0", text(items))
	assert.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
}

// Many try at once: as many as there are items get one, each another; the others
// are told at once.
func TestTryConcurrently(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.seedMany(150)
	var mu sync.Mutex
	got, empty := map[string]int{}, 0
	var all sync.WaitGroup
	for range 400 {
		all.Go(func() {
			it, err := b.TryGet(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got[it.ID]++
			} else if assert.ErrorIs(t, err, queue.ErrEmpty) {
				empty++
			}
		})
	}
	all.Wait()
	assert.Len(t, got, 150)
	assert.Equal(t, 250, empty)
}

// Callers who wait in Get wait as long as they like, also when the inbox is full
// and Redis away for longer than calls are patient.
func TestGetIsPatient(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, engine.Config{Patience: 50 * time.Millisecond})
	proxy.Hold()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := make(chan error, 1000)
	for range cap(failed) {
		go func() { _, err := b.Put(ctx, []byte("x")); failed <- err }()
	}
	assert.ErrorIs(t, <-failed, engine.ErrUnavailable) // so the inbox is full
	got := make(chan answer, 1)
	go func() {
		it, err := b.Get(ctx)
		got <- answer{[]queue.Item{it}, err}
	}()
	for range 2 {
		_, err := b.TryGet(ctx)
		assert.ErrorIs(t, err, engine.ErrUnavailable)
		assert.ErrorIs(t, err, engine.ErrNotSent)
	}
	proxy.Release()
	require.NoError(t, receive(t, got).err)
	for range cap(failed) - 1 {
		<-failed
	}
}

// Redis is out of memory: puts are refused, getters drain what there is, and what
// they leave goes back.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	b, proxy := newPrivateProxied(t, engine.Config{})
	b.seedMany(20)
	b.peer.Do("CONFIG", "SET", "maxmemory", "1")
	defer b.peer.Do("CONFIG", "SET", "maxmemory", "0")
	_, err := b.Put(t.Context(), []byte("x"))
	var refused *engine.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.ErrorIs(t, err, engine.ErrNotSent)
	assert.Contains(t, err.Error(), "OOM")

	assert.Equal(t, "0 1 2", text(b.take(3)))
	b.leaveDuringTake(proxy, 3)
	redistest.Eventually(t, func() bool { return strings.HasPrefix(b.state().ids, "i00003 i00004 i00005 i00006 ") }, "they are back")
	assert.Len(t, b.drain(), 17)
	_, err = b.TryGet(t.Context())
	assert.ErrorIs(t, err, queue.ErrEmpty)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = b.Get(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Empty(t, b.state().items)
	b.peer.Do("CONFIG", "SET", "maxmemory", "0")
	_, err = b.Purge(t.Context())
	require.NoError(t, err)
}

// The server becomes a replica that cannot be written, or is busy with somebody's
// endless script: callers wait, and nothing is lost.
func TestRefusalsThatPass(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		begin, end func(b *bench, second *redistest.Raw)
	}{
		"read-only": {
			func(b *bench, _ *redistest.Raw) { b.peer.Do("REPLICAOF", "127.0.0.1", "1") },
			func(b *bench, _ *redistest.Raw) { b.peer.Do("REPLICAOF", "NO", "ONE") },
		},
		"busy": {
			func(b *bench, second *redistest.Raw) {
				b.peer.Do("CONFIG", "SET", "busy-reply-threshold", "1")
				second.Send("EVAL", "while true do end", 0)
			},
			func(b *bench, second *redistest.Raw) {
				redistest.Eventually(b.t, func() bool { _, err := b.peer.DoErr("SCRIPT", "KILL"); return err == nil }, "killed")
				_, err := second.Receive()
				assert.Error(b.t, err)
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Private(t, redisserver.Options{})
			b := benchOn(t, openEngine(t, engine.Config{URL: srv.URL()}), srv.URL())
			b.load()
			b.seedMany(3)
			second := redistest.Client(t, srv.URL())
			tc.begin(b, second)
			retries := b.eng.Stats().Queues.Retries
			got := b.getter(t.Context(), 2)
			put := make(chan error, 1)
			go func() { _, err := b.Put(context.Background(), []byte("x")); put <- err }()
			redistest.Eventually(t, func() bool { return b.eng.Stats().Queues.Retries > retries+2 }, "it is tried again")
			tc.end(b, second)
			require.NoError(t, <-put)
			assert.Equal(t, "0 1", text(receive(t, got).items))
			assert.Equal(t, "2 x", text(b.drain()), fmt.Sprint(b.state()))
		})
	}
}

// Who leaves in the moment in which an id that was popped is to be taken leaves it to others.
func TestLeaveAtTheLastMoment(t *testing.T) {
	t.Parallel()
	assert.True(t, queue.LeftBehind())
}
