package pool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counted is a group with the number of times it was told.
func counted(p *Pool, workers int) (*Group, *atomic.Int64) {
	g := p.Group(Options{Workers: workers})
	told := new(atomic.Int64)
	g.OnFree(func() { told.Add(1) })
	return g, told
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// panicText is what f panics with.
func panicText(f func()) (text string) {
	defer func() { text, _ = recover().(string) }()
	f()
	return ""
}

func TestLimits(t *testing.T) {
	p := New(5)
	a, b := p.Group(Options{Workers: 4}), p.Group(Options{Workers: 4})
	want(t, "own limit", a.TryAcquire(10), 4)
	want(t, "none left", a.TryAcquire(1), 0)
	want(t, "limit of the pool", b.TryAcquire(10), 1)
	a.Release(2)
	want(t, "what a gave back", b.TryAcquire(10), 2)
	want(t, "negative", b.TryAcquire(-1), 0)
	b.Release(3)
	a.Release(2)
	a.Release(0)
	want(t, "default", New(0).Group(Options{}).TryAcquire(100), 16)
	want(t, "stats of a", a.Stats(), Stats{Limit: 4})
	want(t, "stats of the pool", p.Stats(), Stats{Limit: 5})
}

func TestProgrammingErrors(t *testing.T) {
	p := New(1)
	g := p.Group(Options{})
	for _, c := range []struct {
		f    func()
		text string
	}{
		{func() { g.Release(1) }, "0 unused slots"},
		{func() { g.Release(-1) }, "-1 slots to release"},
		{func() { g.Go(Task{Do: nothing}) }, "without a slot"},
		{func() { g.TryAcquire(1); defer g.Release(1); g.Go(Task{}) }, "no Do"},
	} {
		if got := panicText(c.f); !strings.Contains(got, c.text) {
			t.Errorf("panic %q, want %q in it", got, c.text)
		}
	}
	want(t, "nothing is lost", g.TryAcquire(2), 1)
}

func TestToldOncePerShortTryAcquire(t *testing.T) {
	for _, limit := range []int{0, 2, 100} {
		p := New(limit)
		g, told := counted(p, 2)
		want(t, "all", g.TryAcquire(2), 2)
		g.Release(1)
		want(t, "nothing was short", told.Load(), 0)
		want(t, "short", g.TryAcquire(2), 1)
		want(t, "short again", g.TryAcquire(2), 0)
		want(t, "nothing is free", told.Load(), 0)
		g.Release(1)
		want(t, "told", told.Load(), 1)
		g.Release(1)
		want(t, "only once", told.Load(), 1)
		want(t, "short", g.TryAcquire(3), 2)
		want(t, "withdrawn", g.TryAcquire(0), 0)
		g.Release(2)
		want(t, "not told", told.Load(), 1)
		checkInvariants(t, p, g)
	}
}

func TestAFreeSlotGoesToTheLongestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(1)
		defer p.Close()
		a, toldA := counted(p, 4)
		b, toldB := counted(p, 4)
		c, toldC := counted(p, 4)
		told := func(what string, wantA, wantB, wantC int64) {
			t.Helper()
			want(t, what, [3]int64{toldA.Load(), toldB.Load(), toldC.Load()}, [3]int64{wantA, wantB, wantC})
			checkInvariants(t, p, a, b, c)
		}
		a.TryAcquire(1)
		b.TryAcquire(4)
		c.TryAcquire(4)
		a.Release(1)
		told("b came first", 0, 1, 0)
		want(t, "the slot is kept for b", a.TryAcquire(1)+c.TryAcquire(1), 0)
		told("nobody else hears of it", 0, 1, 0)
		want(t, "b", b.TryAcquire(4), 1)
		b.Release(1)
		told("c is next", 0, 1, 1)
		want(t, "c", c.TryAcquire(0), 0)
		told("c has no more work: a is next", 1, 1, 1)

		// a does not come.
		time.Sleep(patience - 1)
		synctest.Wait()
		told("b still waits", 1, 1, 1)
		time.Sleep(1 * time.Nanosecond)
		synctest.Wait()
		told("b does not wait for ever", 1, 2, 1)
		want(t, "a is late", a.TryAcquire(1), 0)
		want(t, "b", b.TryAcquire(1), 1)
		b.Release(1)
		told("a has its turn", 2, 2, 1)

		// Nobody else waits: the slot is kept however long it takes.
		time.Sleep(time.Hour)
		want(t, "a", a.TryAcquire(1), 1)
		a.Release(1)
		told("all is free", 2, 2, 1)
	})
}

// Patience begins when somebody else waits, and ends when nobody does.
func TestASlotIsKeptIfNobodyElseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(2)
		defer p.Close()
		a, _ := counted(p, 4)
		b, toldB := counted(p, 4)
		c := p.Group(Options{})
		c.TryAcquire(2)
		a.TryAcquire(1)
		b.TryAcquire(1)
		c.Release(1) // for a, while b waits
		time.Sleep(patience / 2)
		c.Release(1) // for b
		want(t, "b was told", toldB.Load(), 1)
		time.Sleep(time.Hour)
		want(t, "kept for both", c.TryAcquire(2), 0)
		want(t, "a and b", a.TryAcquire(1)+b.TryAcquire(1), 2)
	})
}

// Each has the same patience, from when it was told.
func TestSlotsLapseOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(2)
		defer p.Close()
		holder := p.Group(Options{})
		holder.TryAcquire(2)
		var groups [4]*Group
		var told [4]*atomic.Int64
		for i := range groups {
			groups[i], told[i] = counted(p, 4)
			groups[i].TryAcquire(1)
		}
		step := func(what string, counts ...int64) {
			t.Helper()
			time.Sleep(patience / 2)
			synctest.Wait()
			for i, n := range counts {
				want(t, fmt.Sprint(what, ", group ", i), told[i].Load(), n)
			}
			checkInvariants(t, p, append(groups[:], holder)...)
		}
		holder.Release(1)
		step("the first slot is free", 1, 0, 0, 0)
		holder.Release(1)
		step("the first lapses", 1, 1, 1, 0)
		step("the second lapses", 1, 1, 1, 1)
		step("nobody waits", 1, 1, 1, 1)
		want(t, "late", groups[0].TryAcquire(1)+groups[1].TryAcquire(1), 0)
		want(t, "in time", groups[2].TryAcquire(1)+groups[3].TryAcquire(1), 2)
	})
}

func TestWithdraw(t *testing.T) {
	p := New(1)
	a, told := counted(p, 4)
	b := p.Group(Options{})
	b.TryAcquire(1)
	a.TryAcquire(1)
	a.TryAcquire(0)
	b.Release(1)
	want(t, "told", told.Load(), 0)
	want(t, "the slot is free", b.TryAcquire(1), 1)
}

// A group that always has work and asks all the time does not get more than its share.
func TestSharesAreEqual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const groups = 5
		p := New(4)
		var ran [groups]atomic.Int64
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		for i := range groups {
			g := p.Group(Options{Workers: 4})
			var ask func()
			task := Task{Do: func(context.Context) error {
				time.Sleep(time.Millisecond)
				return nil
			}}
			task.Done = func(error) {
				ran[i].Add(1)
				if i == 0 { // the greedy one
					ask()
				}
			}
			ask = func() {
				if ctx.Err() != nil {
					g.TryAcquire(0)
					return
				}
				for range g.TryAcquire(4) {
					g.Go(task)
				}
			}
			g.OnFree(ask)
			ask()
		}
		<-ctx.Done()
		if err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.Close()
		for i := range ran {
			if n := ran[i].Load(); n < 7200 || n > 8800 { // 40,000 in all
				t.Errorf("group %d ran %d tasks, its share is 8000", i, n)
			}
		}
	})
}

// No wake-up is lost: every group gets its work done, and never by waiting for a
// timer, since no time passes. A lost one would be a deadlock, which synctest finds.
func TestEveryGroupGetsItsWorkDone(t *testing.T) {
	for _, limit := range []int{0, 1, 3, 20} {
		synctest.Test(t, func(t *testing.T) {
			const groups, tasks = 40, 200
			start := time.Now()
			p := New(limit)
			var ran, short, told atomic.Int64
			all := make([]*Group, groups)
			for i := range all {
				g := p.Group(Options{Workers: 1 + i%4})
				all[i] = g
				wake := make(chan struct{}, 1)
				g.OnFree(func() { told.Add(1); wake <- struct{}{} }) // more than once would block
				go func() {
					rnd := rand.New(rand.NewPCG(uint64(i), 1))
					for left := tasks; left > 0; {
						ask := 1 + rnd.IntN(min(left, 6))
						got := g.TryAcquire(ask)
						if rnd.IntN(8) == 0 { // there was nothing to fetch
							g.Release(got)
						} else {
							for range got {
								g.Go(Task{Do: nothing, Done: func(error) { ran.Add(1) }})
							}
							left -= got
						}
						if got < ask {
							short.Add(1)
							<-wake
						}
					}
				}()
			}
			synctest.Wait()
			want(t, "tasks", ran.Load(), groups*tasks)
			want(t, "told as often as short", told.Load(), short.Load())
			want(t, "time", time.Since(start), 0)
			checkInvariants(t, p, all...)
			want(t, "running", p.Stats(), Stats{Limit: limit, Started: groups * tasks})
			for _, g := range all {
				g.TryAcquire(0)
			}
			want(t, "slots held", p.held+p.reserved, 0)
			p.Close()
		})
	}
}
