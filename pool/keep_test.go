package pool

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A slot that is kept comes back exactly once, when Done is called, however Do and Done end.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(2)
		defer p.Close()
		g := p.Group(Options{Workers: 1})
		goexit := func(context.Context) error { runtime.Goexit(); return nil }
		for _, do := range []func(context.Context) error{nothing, explode, goexit} {
			for _, end := range []func(){func() {}, func() { panic("in Done") }, runtime.Goexit} {
				calls := 0
				start(t, g, Task{Do: do, Keep: true, Done: func(error) {
					calls++
					want(t, "free", g.TryAcquire(1), 0)
					g.Release(1)
					want(t, "free once it is released", g.TryAcquire(1), 1)
					end()
				}})
				synctest.Wait()
				want(t, "calls of Done", calls, 1)
				want(t, "running", p.Stats().Running, 0)
				want(t, "the slot is still kept", g.TryAcquire(1), 0)
				checkInvariants(t, p, g)
				g.Release(1)
				checkInvariants(t, p, g)
			}
		}
		want(t, "goroutines", len(p.workers), len(p.idle))
	})
}

// A task that does not return keeps its slot; what it kept can be used while Done hangs.
func TestKeepWhenStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(1)
		defer p.Close()
		var told atomic.Int64
		g := p.Group(Options{Workers: 1, StuckAfter: time.Second, OnStuck: func(Stuck) { told.Add(1) }})
		do, done := make(chan struct{}), make(chan struct{})
		start(t, g, Task{Keep: true, Timeout: time.Second,
			Do:   func(context.Context) error { <-do; return nil },
			Done: func(error) { <-done },
		})
		time.Sleep(time.Minute)
		want(t, "told", told.Load(), 1)
		want(t, "stuck", g.Stats().Stuck, 1)
		want(t, "a slot", g.TryAcquire(1), 0)
		close(do)
		synctest.Wait()
		next := make(chan error)
		g.Go(Task{Do: waitFor(next), Keep: true}) // in the slot that came back
		synctest.Wait()
		want(t, "running beside a Done", p.Stats().Running, 2)
		close(done)
		close(next)
		synctest.Wait()
		want(t, "stuck", g.Stats().Stuck, 0)
		checkInvariants(t, p, g)
		want(t, "exchanged", g.Exchange(1, 1), 1)
		g.Release(1)
		want(t, "held", p.held, 0)
	})
}

// Groups that always have work and exchange their slots share the pool equally.
func TestExchangeIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const groups = 5
		p := New(4)
		var ran [groups]atomic.Int64
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		all := make([]*Group, groups)
		for i := range groups {
			g := p.Group(Options{Workers: 4})
			all[i] = g
			var ask func(unused int)
			task := Task{Keep: true, Do: func(context.Context) error { time.Sleep(time.Millisecond); return nil }}
			task.Done = func(error) { ran[i].Add(1); ask(1) }
			ask = func(unused int) {
				if ctx.Err() != nil {
					g.Exchange(unused, 0)
					return
				}
				for range g.Exchange(unused, 4) {
					g.Go(task)
				}
			}
			g.OnFree(func() { ask(0) })
			ask(0)
		}
		<-ctx.Done()
		if err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		checkInvariants(t, p, all...)
		want(t, "held", p.held, 0)
		p.Close()
		for i := range ran {
			if n := ran[i].Load(); n < 7200 || n > 8800 { // 40,000 in all
				t.Errorf("group %d ran %d tasks, its share is 8000", i, n)
			}
		}
	})
}

// context.Cause and derived contexts agree with the context, whoever looks while it ends.
func TestTaskContextRaces(t *testing.T) {
	why := errors.New("why")
	for range 300 {
		c := new(taskContext)
		ready := make(chan struct{})
		var ended atomic.Int64
		look := func(f func()) { go func() { <-ready; f(); ended.Add(1) }() }
		const looks = 5
		look(func() { c.end(why) })
		look(func() { <-c.Done(); wantNow(t, context.Cause(c), why) })
		look(func() {
			child, cancel := context.WithCancel(c)
			defer cancel()
			<-child.Done()
			wantNow(t, child.Err(), context.Canceled)
			wantNow(t, context.Cause(child), why)
		})
		look(func() {
			child, cancel := context.WithTimeout(c, time.Hour)
			defer cancel()
			<-child.Done()
			wantNow(t, context.Cause(child), why)
		})
		look(func() {
			called := make(chan struct{})
			if stop := context.AfterFunc(c, func() { close(called) }); !stop() {
				<-called
			}
		})
		close(ready)
		for ended.Load() < looks {
			runtime.Gosched()
		}
		c.mu.Lock()
		want(t, "registered", len(c.after), 0)
		c.mu.Unlock()
	}
}

func wantNow(t *testing.T, got, want error) {
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
