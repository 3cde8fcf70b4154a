package actor_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/actor"
)

// add is answered with the sum of all adds of its owner so far.
type add struct {
	actor.Reply[int]
	n int
}

func newAdd(n int) *add {
	c := &add{n: n}
	c.Init()
	return c
}

// adders is a set of owners that add, and notices if a name has two.
func adders(t testing.TB) (s *actor.Set[*add], starts *atomic.Int64) {
	var owners sync.Map
	starts = new(atomic.Int64)
	return &actor.Set[*add]{Inbox: 4, Patience: time.Minute, Start: func(name string, box *actor.Mailbox[*add]) {
		starts.Add(1)
		if _, two := owners.LoadOrStore(name, true); two {
			t.Errorf("%s has two owners", name)
		}
		defer box.Exit(func(c *add) { c.Resolve(0, actor.ErrStopped) })
		defer owners.Delete(name)
		sum := 0
		for {
			select {
			case c := <-box.In():
				box.Touch()
				if c.Begin() {
					sum += c.n
					c.Resolve(sum, nil)
				}
			case <-box.Quit():
				return // leaves commands in the inbox: they are asked again
			}
		}
	}}, starts
}

func TestSetOneOwner(t *testing.T) {
	t.Parallel()
	s, starts := adders(t)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 300 {
				h := s.Handle(fmt.Sprint("name", (w+i)%3))
				if _, err := actor.Ask[int](t.Context(), h, newAdd(1)); err != nil {
					t.Error(err)
				}
				if i%10 == 0 {
					s.Sweep(time.Now().Add(time.Hour)) // everything is idle
				}
			}
		})
	}
	wg.Wait()
	assert.Greater(t, starts.Load(), int64(3), "owners ended and came back")
	s.Close()
	assert.Zero(t, s.Len())
}

func TestSetSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, starts := adders(t)
		idle, busy := s.Handle("idle"), s.Handle("busy")
		ask := func(h *actor.Handle[*add]) int {
			v, err := actor.Ask[int](t.Context(), h, newAdd(1))
			require.NoError(t, err)
			return v
		}
		assert.Zero(t, s.Len(), "a handle starts nothing")
		assert.Equal(t, 1, ask(idle))
		time.Sleep(time.Minute)
		assert.Equal(t, 1, ask(busy))
		s.Sweep(time.Now())
		synctest.Wait()
		assert.Equal(t, 1, s.Len())
		assert.Equal(t, 2, ask(busy), "the same owner")
		assert.Equal(t, 1, ask(idle), "a new one, the handle does not notice")
		assert.Equal(t, int64(3), starts.Load())
		s.Close()
		synctest.Wait()
	})
}

// An owner that takes its time to end is waited for, at most as long as the
// caller wants.
func TestSetWaitsForTheOldOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &actor.Set[*add]{Inbox: 1, Patience: time.Minute, Start: func(_ string, box *actor.Mailbox[*add]) {
			for {
				select {
				case c := <-box.In():
					c.Resolve(c.n, nil)
				case <-box.Quit():
					time.Sleep(10 * time.Second)
					box.Exit(func(c *add) { c.Resolve(0, actor.ErrStopped) })
					return
				}
			}
		}}
		h := s.Handle("n")
		_, err := actor.Ask[int](t.Context(), h, newAdd(1))
		require.NoError(t, err)
		s.Sweep(time.Now().Add(time.Hour))
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = actor.Ask[int](ctx, h, newAdd(1))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, actor.ErrNotSent)
		assert.Equal(t, time.Second, time.Since(begun))
		v, err := actor.Ask[int](t.Context(), h, newAdd(5))
		require.NoError(t, err)
		assert.Equal(t, 5, v)
		assert.Equal(t, 10*time.Second, time.Since(begun))
		s.Close()
		synctest.Wait()
	})
}

func TestSetClose(t *testing.T) {
	t.Parallel()
	s, _ := adders(t)
	var wg sync.WaitGroup
	var answered atomic.Int64
	for w := range 16 {
		h := s.Handle(fmt.Sprint(w % 4))
		wg.Go(func() {
			for {
				_, err := actor.Ask[int](context.Background(), h, newAdd(1))
				if err != nil {
					assert.Equal(t, actor.ErrStopped, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for answered.Load() < 100 {
		runtime.Gosched()
	}
	s.Close()
	wg.Wait()
	s.Close()
	_, err := s.Handle("new").Send(t.Context(), newAdd(1))
	assert.Equal(t, actor.ErrStopped, err)
}

// The price of a hop: a command to its owner and the answer back.
func BenchmarkHop(b *testing.B) {
	s, _ := adders(b)
	defer s.Close()
	h := s.Handle("n")
	b.Run("one caller", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := actor.Ask[int](b.Context(), h, newAdd(1)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("many callers", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(64)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := actor.Ask[int](b.Context(), h, newAdd(1)); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
