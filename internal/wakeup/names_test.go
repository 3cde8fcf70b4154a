package wakeup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestOnePutWakesOneOfMany(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		name, b := redistest.Name(t), newBox(100)
		var wakers [8]*Waker
		for i := range wakers {
			wakers[i] = onServer(t, srv, Config{})
			wakers[i].Arm(name, b)
			blocked(t, wakers[i])
		}
		for i := range wakers {
			put(peer, name, fmt.Sprint(i))
			require.Equal(t, fmt.Sprint(i), b.next(t))
		}
		put(peer, name, "last")
		var wakes uint64
		for _, w := range wakers {
			require.NoError(t, w.Close(t.Context()))
			s := w.Stats()
			require.Zero(t, s.Returned)
			require.EqualValues(t, 1, s.Wakes) // each was woken once
			wakes += s.Wakes
		}
		require.EqualValues(t, 8, wakes)
		require.Equal(t, []string{"last"}, list(peer, name))
	})
}

func TestRefusedIDGoesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{})
		name, b := redistest.Name(t), newBox(1)
		b.ids <- "full"
		w.Arm(name, b)
		put(peer, name, "1", "2")
		redistest.Eventually(t, func() bool { return w.Stats().Returned >= 3 })
		require.LessOrEqual(t, w.Stats().Pops, w.Stats().Returned+2)
		require.Equal(t, "full", b.next(t))
		require.Equal(t, "1", b.next(t)) // order is kept
		require.Equal(t, 0, w.Stats().Names)
		require.Equal(t, []string{"2"}, list(peer, name))
	})
}

func TestReturn(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{})
		name := redistest.Name(t)
		put(peer, name, "later")
		w.Return(name)
		w.Return(name, "c", "d")
		w.Return(name, "a", "b")
		redistest.Eventually(t, func() bool { return w.Stats().Returned == 4 })
		require.Equal(t, []string{"later", "d", "c", "b", "a"}, list(peer, name))

		many := make([]string, 2*perReturn+1)
		for i := range many {
			many[i] = fmt.Sprint(i)
		}
		w.Return(name, many...)
		require.NoError(t, w.Close(t.Context())) // which waits for it
		got := list(peer, name)
		slices.Reverse(got)
		require.Equal(t, many, got[:len(many)])
		w.Return(name, "too late")
		require.Len(t, list(peer, name), 5+len(many))
	})
}

func TestReturnKeepsOrderOfArmedName(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{})
		name, b := redistest.Name(t), newBox(1)
		put(peer, name, "later")
		for range 100 {
			w.Return(name, "first")
			w.Arm(name, b)
			require.Equal(t, "first", b.next(t))
		}
		require.Equal(t, []string{"later"}, list(peer, name))
	})
}

func TestOneBusyNameDoesNotStarveOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{})
		const others = 10
		count := make([]atomic.Int64, others+1)
		var names []string
		for i := range count {
			names = append(names, redistest.Name(t))
			for range 50 {
				put(peer, names[i], "x")
			}
		}
		busy := make(chan int, others+1)
		for i, name := range names {
			w.Arm(name, waiterFunc(func(string) bool { count[i].Add(1); busy <- i; return true }))
		}
		for range others * 20 { // every name is armed again and never runs empty
			i := receive(t, busy)
			w.Arm(names[i], waiterFunc(func(string) bool { count[i].Add(1); busy <- i; return true }))
		}
		for i := range count { // who is served out of turn is served all the time, or hardly ever
			require.InDelta(t, 20, count[i].Load(), 15, "name %d", i)
		}
		require.NoError(t, w.Close(t.Context()))
	})
}

type waiterFunc func(id string) bool

func (f waiterFunc) Wake(id string) bool { return f(id) }
func (f waiterFunc) Suspect()            {}
func (f waiterFunc) Refused(error)       {}

// TestNoCallAfterDisarm arms and disarms while ids come: a waiter that was disarmed
// is never called again.
func TestNoCallAfterDisarm(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	name := redistest.Name(t)
	w := onServer(t, target, Config{
		CheckEvery: time.Millisecond,
		Check:      func(_ context.Context, names []string) ([]string, error) { return names, nil },
	})
	var wg sync.WaitGroup
	peer := redistest.Client(t, target.URL())
	for range 300 {
		g := &guarded{t: t}
		w.Arm(name, g)
		wg.Go(func() { put(peer, name, "x") })
		if rand.N(2) == 0 {
			wg.Wait()
		}
		w.Disarm(name, g)
		g.dead.Store(true)
	}
	wg.Wait()
	require.NoError(t, w.Close(t.Context()))
	require.EqualValues(t, 300, int(w.Stats().Wakes)+len(list(peer, name)))
}

type guarded struct {
	t    *testing.T
	dead atomic.Bool
}

func (g *guarded) Wake(string) bool { g.Suspect(); return true }
func (g *guarded) Refused(error)    { g.Suspect() }
func (g *guarded) Suspect() {
	if g.dead.Load() {
		g.t.Error("called after Disarm")
	}
}

func TestPlacesAndConnectionsComeAndGo(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{PerShard: 2, Linger: 20 * time.Millisecond})
		b := newBox(10)
		for range 2 {
			var names []string
			for range 5 {
				names = append(names, redistest.Name(t))
				w.Arm(names[len(names)-1], b)
			}
			blocked(t, w)
			require.Equal(t, 3, w.Stats().Connections)
			shard := shardOf(w, names[2])
			put(peer, names[2], "x")
			b.next(t)
			w.Arm(names[2], b)
			require.Same(t, shard, shardOf(w, names[2]))
			put(peer, names[2], "x")
			b.next(t)
			for _, name := range slices.Delete(names, 2, 3) { // the woken one goes by itself
				w.Disarm(name, b)
			}
			require.Zero(t, w.Stats().Names)
			redistest.Eventually(t, func() bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.running == 0 && len(w.slots) == 0 && w.connections.Load() == 0
			})
		}
		require.Zero(t, w.Stats().Reconnects)
	})
}

func shardOf(w *Waker, name string) *shard {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.slots[name].shard
}
