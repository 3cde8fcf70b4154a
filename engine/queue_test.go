package engine_test

import (
	"bytes"
	"context"
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

// waiters is engines, each with a getter that waits on the same empty queue.
type waiters struct {
	name    string
	engines []*engine.Engine
	got     chan queue.Item
}

func newWaiters(t *testing.T, n int, cfg engine.Config) *waiters {
	t.Helper()
	w := &waiters{name: redistest.Name(t), got: make(chan queue.Item, 1000)}
	for range n {
		w.add(t, cfg)
	}
	return w
}

// add opens one more, and returns when its getter waits in Redis. The getter takes
// until the engine is closed.
func (w *waiters) add(t *testing.T, cfg engine.Config) *engine.Engine {
	t.Helper()
	eng := open(t, cfg)
	q, err := eng.Queue(t.Context(), w.name, queue.Config{})
	require.NoError(t, err)
	go func() {
		for {
			it, err := q.Get(context.Background())
			if err != nil {
				assert.ErrorIs(t, err, engine.ErrStopped)
				return
			}
			w.got <- it
		}
	}()
	w.engines = append(w.engines, eng)
	redistest.Eventually(t, func() bool { return eng.Stats().Waker.Names == 1 && eng.Stats().Waker.Pops > 0 }, "it waits")
	return eng
}

func (w *waiters) next(t *testing.T) queue.Item {
	t.Helper()
	select {
	case it := <-w.got:
		return it
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was woken")
		return queue.Item{}
	}
}

// However an item is put, it wakes a getter that waits.
func TestQueueWakeUp(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	peer := redistest.Client(t, target.URL())
	ids := func(name string) string { return "feed.ids:" + name }
	items := func(name string) string { return "feed.items:" + name }
	ways := map[string]func(t *testing.T, w *waiters){
		"a peer's bare commands": func(t *testing.T, w *waiters) {
			peer.Do("HSET", items(w.name), "a", "x")
			peer.Do("LPUSH", ids(w.name), "a")
		},
		"a peer's transaction": func(t *testing.T, w *waiters) {
			peer.Pipeline([]any{"MULTI"}, []any{"LPUSH", ids(w.name), "a"}, []any{"HSET", items(w.name), "a", "x"},
				[]any{"INCR", "feed.publishes:" + w.name}, []any{"EXEC"})
		},
		"a peer's high priority": func(t *testing.T, w *waiters) {
			peer.Do("HSET", items(w.name), "a", "x")
			peer.Do("RPUSH", ids(w.name), "a")
		},
		"another engine": func(t *testing.T, w *waiters) {
			q, err := open(t, engine.Config{URL: target.URL()}).Queue(t.Context(), w.name, queue.Config{})
			require.NoError(t, err)
			_, err = q.Put(t.Context(), []byte("x"))
			require.NoError(t, err)
		},
		"the same engine": func(t *testing.T, w *waiters) {
			q, err := w.engines[0].Queue(t.Context(), w.name, queue.Config{})
			require.NoError(t, err)
			_, err = q.Put(t.Context(), []byte("x"))
			require.NoError(t, err)
		},
	}
	for name, put := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWaiters(t, 2, engine.Config{URL: target.URL()})
			for range 3 { // again and again, for arming is for one time
				put(t, w)
				assert.Equal(t, "x", string(w.next(t).Body))
			}
		})
	}
}

// One put wakes one of eight engines, and costs about one take.
func TestOnePutWakesOne(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	w := newWaiters(t, 8, engine.Config{URL: srv.URL()})
	peer := redistest.Client(t, srv.URL())
	q, err := open(t, engine.Config{URL: srv.URL()}).Queue(t.Context(), w.name, queue.Config{})
	require.NoError(t, err)
	armed := func() (n int) {
		for _, eng := range w.engines {
			n += eng.Stats().Waker.Names
		}
		return n
	}
	_, err = q.Put(t.Context(), []byte("warm")) // so that Redis knows the scripts
	require.NoError(t, err)
	w.next(t)
	const puts = 100
	before := peer.CommandStats()["evalsha"]
	for i := range puts {
		redistest.Eventually(t, func() bool { return armed() == 8 }, "all wait")
		_, err = q.Put(t.Context(), strconv.AppendInt(nil, int64(i), 10))
		require.NoError(t, err)
		assert.Equal(t, strconv.Itoa(i), string(w.next(t).Body))
	}
	redistest.Eventually(t, func() bool { return armed() == 8 }, "all wait")
	takes := float64(peer.CommandStats()["evalsha"]-before)/puts - 1
	t.Logf("%.2f takes per put", takes)
	assert.LessOrEqual(t, takes, 1.5)
	assert.Empty(t, w.got)
}

// An engine whose getters wait is closed: nothing that is put around that moment is
// lost.
func TestCloseWhileWaiting(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	peer := redistest.Client(t, target.URL())
	w := newWaiters(t, 0, engine.Config{})
	const rounds = 40
	for i := range rounds {
		eng := w.add(t, engine.Config{URL: target.URL()})
		var both sync.WaitGroup
		both.Go(func() {
			id := "a" + strconv.Itoa(i)
			peer.Do("HSET", "feed.items:"+w.name, id, id)
			peer.Do("LPUSH", "feed.ids:"+w.name, id)
		})
		both.Go(func() { assert.NoError(t, eng.Close(context.Background())) })
		both.Wait()
	}
	left := peer.Strings("LRANGE", "feed.ids:"+w.name, 0, -1)
	assert.Equal(t, int64(len(left)), peer.Int("HLEN", "feed.items:"+w.name), "each item has its id")
	assert.Equal(t, rounds, len(left)+len(w.got))
	t.Logf("%d of %d went to a getter, the others stayed", len(w.got), rounds)
}

// A process dies between popping an id and taking its item: the item stays without
// an id, and is back within twice CheckEvery. Engines that look at the same time do
// not double it, and what a peer is just taking is left alone.
func TestLostIDsComeBack(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	peer := redistest.Client(t, target.URL())
	const every = 300 * time.Millisecond
	w := newWaiters(t, 2, engine.Config{URL: target.URL(), CheckEvery: every})
	quickest := time.Hour
	for round := range 3 {
		want := map[string]bool{}
		var cmds [][]any
		for i := range 20 {
			id := strconv.Itoa(round) + "-" + strconv.Itoa(i)
			want[id] = true
			cmds = append(cmds, []any{"HSET", "feed.items:" + w.name, id, id})
		}
		start := time.Now()
		peer.Pipeline(cmds...)
		for len(want) > 0 {
			it := w.next(t)
			assert.True(t, want[it.ID], "delivered twice, or never put: %s", it.ID)
			delete(want, it.ID)
		}
		quickest = min(quickest, time.Since(start))
	}
	// A machine that stalls makes one round slow, or two. No getter ever waits for ten seconds.
	t.Logf("back after %v at best", quickest)
	assert.Less(t, quickest, 2*every+2*time.Second)
	redistest.Eventually(t, func() bool {
		return peer.Int("EXISTS", "feed.maintenance:"+w.name, "feed.items:"+w.name, "feed.ids:"+w.name) == 0
	}, "nothing is left over")
	assert.Empty(t, w.got)
}

// A pop's reply is lost with its connection: the item is back much sooner, for the
// engine knows that it may have lost something. It looks twice, a fifth of CheckEvery
// apart; if it did not know, it would begin after three quarters at the earliest.
func TestLostPop(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	proxy := redistest.NewProxy(t, target.URL())
	w := newWaiters(t, 0, engine.Config{})
	peer := redistest.Client(t, target.URL())
	// The item comes between the getter's look and its pop, so that it is this pop that loses it.
	lost := proxy.SwallowNext([]byte("BRPOP"))
	var once sync.Once
	proxy.OnRequest(func(_ int, raw []byte) {
		if bytes.Contains(raw, []byte("BRPOP")) {
			once.Do(func() {
				_, err := peer.DoErr("HSET", "feed.items:"+w.name, "a", "x")
				assert.NoError(t, err)
				_, err = peer.DoErr("LPUSH", "feed.ids:"+w.name, "a")
				assert.NoError(t, err)
			})
		}
	})
	w.add(t, engine.Config{URL: proxy.URL(), CheckEvery: 10 * time.Second})
	select {
	case <-lost:
	case <-time.After(10 * time.Second):
		t.Fatal("the reply was not swallowed")
	}
	assert.Equal(t, "x", string(w.next(t).Body))
}

// Names with odd bytes are queues as any other.
func TestOddQueueNames(t *testing.T) {
	t.Parallel()
	eng := open(t, engine.Config{URL: redistest.Shared(t).URL()})
	for _, name := range []string{"a:b", "*", "{x}", "[a-z]?", " ", "\n", "é", strings.Repeat("n", 450)} {
		name += redistest.Name(t)
		q, err := eng.Queue(t.Context(), name, queue.Config{})
		if redistest.Shared(t).Cluster() && strings.Contains(name, "{") {
			require.ErrorIs(t, err, engine.ErrInvalidName)
			continue
		}
		require.NoError(t, err)
		got := make(chan error, 1)
		go func() {
			it, err := q.Get(context.Background())
			assert.Equal(t, "x", string(it.Body))
			got <- err
		}()
		_, err = q.Put(t.Context(), []byte("x"))
		require.NoError(t, err)
		require.NoError(t, <-got)
		require.NoError(t, eng.Delete(t.Context(), name))
	}
}
