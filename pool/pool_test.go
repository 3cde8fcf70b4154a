package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		defer p.Close()
		g := p.Group(Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g.TryAcquire(3)
		want(t, "nothing runs", p.Wait(ctx), nil)
		end := make(chan error)
		g.Go(Task{Do: waitFor(end)})
		want(t, "error of the context", p.Wait(ctx), context.DeadlineExceeded)
		var done atomic.Bool
		g.Go(Task{Do: waitFor(end), Done: func(error) { time.Sleep(time.Second); done.Store(true) }})
		var waiters sync.WaitGroup
		for range 3 {
			waiters.Go(func() {
				want(t, "Wait", p.Wait(t.Context()), nil)
				want(t, "Done has returned", done.Load(), true)
			})
		}
		synctest.Wait()
		close(end)
		waiters.Wait()
		want(t, "nothing runs, the context is over", p.Wait(ctx), nil)
	})
}

func TestCancelAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		defer p.Close()
		cause := errors.New("shutdown")
		var ended atomic.Int64
		count := func(err error) {
			if err == cause {
				ended.Add(1)
			}
		}
		for i := range 10 {
			g := p.Group(Options{})
			for range 10 {
				start(t, g, Task{Do: untilEnd, Done: count, Timeout: time.Duration(i%2) * time.Hour})
			}
		}
		p.CancelAll(cause) // some of the goroutines have not even started
		if err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, "ended", ended.Load(), 100)
		var later error
		start(t, p.Group(Options{}), Task{Do: untilEnd, Timeout: time.Second, Done: func(err error) { later = err }})
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, "a later task", later, ErrTimeout)
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(10)
		g, told := counted(p, 10)
		end := make(chan error)
		for range 3 {
			start(t, g, Task{Do: waitFor(end)})
			start(t, g, Task{Do: nothing})
		}
		want(t, "one slot", g.TryAcquire(1), 1)
		g.TryAcquire(10)
		synctest.Wait()
		p.Close()
		p.Close()
		synctest.Wait()
		want(t, "goroutines", workers(p), 3)
		want(t, "no more slots", g.TryAcquire(1), 0)
		g.Go(Task{Do: nothing})
		synctest.Wait()
		want(t, "a slot of before is used", p.Stats(), Stats{Running: 3, Limit: 10, Started: 7})
		told.Store(0)
		close(end)
		synctest.Wait()
		want(t, "goroutines", workers(p), 0) // the end of the bubble waits for all of them
		want(t, "not told", told.Load(), 0)
	})
}

// Goroutines are used again, the last one first, and end when they are idle.
func TestGoroutinesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		g := p.Group(Options{Workers: 100})
		for range 100 {
			start(t, g, Task{Do: nothing})
		}
		synctest.Wait()
		for range 3 * reapEvery / time.Second { // one is enough for this
			for range 10 {
				start(t, g, Task{Do: nothing})
				synctest.Wait()
			}
			time.Sleep(time.Second)
		}
		want(t, "after some time with little work", workers(p), 1)
		time.Sleep(2*reapEvery + 1)
		want(t, "after some time without work", workers(p), 0)
		want(t, "timer", p.reap.armed, false)
		for range 50 {
			start(t, g, Task{Do: nothing})
		}
		time.Sleep(reapEvery - 1)
		want(t, "goroutines are kept a while", workers(p) > 0, true)
		time.Sleep(2 * time.Nanosecond)
		synctest.Wait()
		for range 100 { // all are used, and some more
			start(t, g, Task{Do: sleep(time.Second)})
		}
		time.Sleep(reapEvery)
		want(t, "all that were used are kept", workers(p), 100)
		// Not closed: nothing stays behind.
		time.Sleep(2 * reapEvery)
		want(t, "no work again", workers(p), 0)
	})
}

// Everything at once, for the race detector and the books.
func TestStress(t *testing.T) {
	p := New(8)
	var wg sync.WaitGroup
	var done, started atomic.Int64
	var last sync.Map // one of the tasks that run, for strangers to cancel
	for i := range 10 {
		g := p.Group(Options{Workers: 3, StuckAfter: 50 * time.Microsecond, OnStuck: func(Stuck) {}})
		wake := make(chan struct{}, 1)
		g.OnFree(func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 3))
			for left := 500; left > 0; {
				got := g.TryAcquire(2)
				for range got {
					left--
					started.Add(1)
					kind := rnd.IntN(50)
					r := g.Go(Task{
						Name:    "task",
						Timeout: time.Duration(kind%3) * 20 * time.Microsecond,
						Do: func(ctx context.Context) error {
							switch kind {
							case 0:
								panic("some")
							case 1:
								runtime.Goexit()
							case 2, 3, 4:
								ctx, cancel := context.WithTimeout(ctx, 100*time.Microsecond)
								defer cancel()
								<-ctx.Done()
							}
							return nil
						},
						Done: func(error) { done.Add(1) },
					})
					last.Store(i, r)
				}
				if r, ok := last.Load(rnd.IntN(10)); ok {
					r.(*Running).Cancel(nil)
				}
				if rnd.IntN(100) == 0 {
					p.CancelAll(nil)
				}
				if got == 0 {
					<-wake
				}
			}
		})
	}
	wg.Wait()
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Close()
	want(t, "done", done.Load(), started.Load())
	s := p.Stats()
	want(t, "running and stuck", s.Running+s.Stuck, 0)
	want(t, "started", s.Started, uint64(started.Load()))
	want(t, "goroutines", workers(p), 0)
}
