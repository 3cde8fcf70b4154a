package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatDoneGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(1)
		defer p.Close()
		g := p.Group(Options{})
		is := func(target error) func(error) bool {
			return func(err error) bool { return errors.Is(err, target) }
		}
		for _, c := range []struct {
			name   string
			do     func(context.Context) error
			ok     func(error) bool
			panics uint64
		}{
			{"nil", nothing, is(nil), 0},
			{"error", func(context.Context) error { return io.EOF }, is(io.EOF), 0},
			{"Goexit", func(context.Context) error { runtime.Goexit(); return nil }, is(ErrGoexit), 0},
			{"panic with an error", func(context.Context) error { panic(io.EOF) }, is(io.EOF), 1},
			{"panic with nil", func(context.Context) error { panic(nil) }, func(err error) bool {
				var nilError *runtime.PanicNilError
				return errors.As(err, &nilError)
			}, 1},
			{"panic", explode, func(err error) bool {
				var e *PanicError
				return errors.As(err, &e) && e.Value == "boom" && e.Unwrap() == nil &&
					e.Error() == "pool: panic: boom" && strings.Contains(string(e.Stack), "pool.explode")
			}, 1},
		} {
			before := g.Stats().Panics
			calls := 0
			start(t, g, Task{Do: c.do, Done: func(err error) {
				calls++
				if !c.ok(err) {
					t.Errorf("%s: Done got %v", c.name, err)
				}
				if g.TryAcquire(1) != 0 {
					t.Errorf("%s: the slot is free before Done has returned", c.name)
				}
			}})
			synctest.Wait()
			want(t, c.name+": calls of Done", calls, 1)
			want(t, c.name+": panics", g.Stats().Panics-before, c.panics)
			want(t, c.name+": running", p.Stats().Running, 0)
			checkInvariants(t, p, g)
		}
	})
}

func explode(context.Context) error { panic("boom") }

func TestTheSlotSurvivesDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(1)
		defer p.Close()
		g := p.Group(Options{})
		calls := 0
		for _, done := range []func(error){
			func(error) { calls++; panic("in Done") },
			func(error) { calls++; runtime.Goexit() },
		} {
			start(t, g, Task{Do: nothing, Done: done})
			synctest.Wait()
			start(t, g, Task{Do: explode, Done: done})
			synctest.Wait()
			start(t, g, Task{Do: func(context.Context) error { runtime.Goexit(); return nil }, Done: done})
			synctest.Wait()
			checkInvariants(t, p, g)
		}
		want(t, "calls of Done", calls, 6)
		want(t, "stats", p.Stats(), Stats{Limit: 1, Started: 6, Panics: 5})
		want(t, "goroutines", len(p.workers), len(p.idle))
	})
}

func TestOrderOfFreeing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(1)
		defer p.Close()
		g := p.Group(Options{})
		var events []string // the synctest bubble orders the accesses
		g.OnFree(func() {
			events = append(events, fmt.Sprint("free ", g.TryAcquire(1)))
		})
		start(t, g, Task{
			Do:   func(context.Context) error { events = append(events, "do"); return nil },
			Done: func(error) { events = append(events, "done") },
		})
		g.TryAcquire(1)
		synctest.Wait()
		want(t, "events", strings.Join(events, ", "), "do, done, free 1")
	})
}

func TestCauses(t *testing.T) {
	cause := errors.New("lost")
	for _, c := range []struct {
		name    string
		timeout time.Duration
		act     func(p *Pool, r *Running)
		cause   error
		err     error
		after   time.Duration
	}{
		{"timeout", time.Second, func(*Pool, *Running) {}, ErrTimeout, context.DeadlineExceeded, time.Second},
		{"cancel", 0, func(_ *Pool, r *Running) { r.Cancel(cause) }, cause, context.Canceled, 0},
		{"cancel with nil", 0, func(_ *Pool, r *Running) { r.Cancel(nil) }, context.Canceled, context.Canceled, 0},
		{"cancel before the timeout", time.Second, func(_ *Pool, r *Running) { r.Cancel(cause) }, cause, context.Canceled, 0},
		{"cancel with nil before the timeout", time.Second, func(_ *Pool, r *Running) { r.Cancel(nil) }, context.Canceled, context.Canceled, 0},
		{"the first wins", time.Second, func(_ *Pool, r *Running) { r.Cancel(cause); r.Cancel(io.EOF) }, cause, context.Canceled, 0},
		{"cancel all", time.Second, func(p *Pool, _ *Running) { p.CancelAll(cause) }, cause, context.Canceled, 0},
		{"cancel after the timeout", time.Second, func(_ *Pool, r *Running) { time.Sleep(2 * time.Second); r.Cancel(cause) },
			ErrTimeout, context.DeadlineExceeded, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(0)
				defer p.Close()
				g := p.Group(Options{})
				begin := time.Now()
				var inDone error
				var ctx, child context.Context
				r := start(t, g, Task{Timeout: c.timeout, Do: func(taskCtx context.Context) error {
					ctx = taskCtx
					var cancel context.CancelFunc
					child, cancel = context.WithCancel(ctx)
					defer cancel()
					deadline, ok := ctx.Deadline()
					want(t, "has a deadline", ok, c.timeout > 0)
					want(t, "deadline", !ok || deadline.Equal(begin.Add(c.timeout)), true)
					<-child.Done()
					want(t, "Err of a derived context", child.Err(), c.err)
					want(t, "cause of a derived context", context.Cause(child), c.cause)
					want(t, "when", time.Since(begin), c.after)
					return nil
				}, Done: func(error) { inDone = context.Cause(ctx) }})
				c.act(p, r)
				if err := p.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.Cancel(io.EOF) // too late
				want(t, "Err", ctx.Err(), c.err)
				want(t, "cause", context.Cause(ctx), c.cause)
				want(t, "cause in Done", inDone, c.cause)
			})
		})
	}
}

// What Done finds is what it was when Do returned, however long Done takes.
func TestTheContextDoesNotEndDuringDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		defer p.Close()
		g := p.Group(Options{})
		for _, timeout := range []time.Duration{0, time.Second} {
			var ctx context.Context
			r := start(t, g, Task{
				Timeout: timeout,
				Do:      func(c context.Context) error { ctx = c; return nil },
				Done: func(error) {
					time.Sleep(time.Minute)
					want(t, "in Done", ctx.Err(), nil)
				},
			})
			synctest.Wait()
			r.Cancel(io.EOF)
			p.CancelAll(io.EOF)
			if err := p.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			want(t, "when it is over", ctx.Err(), context.Canceled)
		}
		want(t, "stuck", p.Stats().StuckTotal, 0)
	})
}

// A goroutine is used by one task after the other. What comes too late for one must
// not hit the next.
func TestTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		defer p.Close()
		g := p.Group(Options{OnStuck: func(Stuck) { t.Error("OnStuck was called") }})
		first := start(t, g, Task{Do: nothing, Timeout: time.Second})
		synctest.Wait()
		second := start(t, g, Task{Do: untilEnd, Timeout: time.Hour})
		synctest.Wait()
		want(t, "the same goroutine", first.worker, second.worker)
		first.Cancel(io.EOF)
		first.worker.onTimer() // as if it had fired when the first task returned
		p.report(first)
		p.tell(first, nil)
		want(t, "the second task", second.ctx.Err(), nil)
		want(t, "stuck", p.Stats().StuckTotal, 0)
		second.Cancel(nil)
	})
}

func TestContextsDerivedFromOneWithATimeout(t *testing.T) {
	c := &taskContext{deadline: time.Now().Add(time.Hour)}
	type key struct{}
	value := context.WithValue(c, key{}, 1)
	child, cancel := context.WithCancel(value)
	defer cancel()
	detached := context.WithoutCancel(c)
	called, notCalled := make(chan struct{}), true
	context.AfterFunc(c, func() { close(called) })
	stop := context.AfterFunc(c, func() { notCalled = false })
	want(t, "stopped", stop(), true)
	want(t, "stopped twice", stop(), false)
	c.end(ErrTimeout)
	c.end(io.EOF)
	<-called
	<-child.Done()
	want(t, "Err", child.Err(), context.DeadlineExceeded)
	want(t, "cause", context.Cause(child), ErrTimeout)
	want(t, "detached", detached.Err(), nil)
	want(t, "not called", notCalled, true)
	late, cancel := context.WithCancel(c)
	defer cancel()
	<-late.Done()
	want(t, "cause of a late one", context.Cause(late), ErrTimeout)
	afterEnd := make(chan struct{})
	want(t, "late", context.AfterFunc(c, func() { close(afterEnd) })(), false)
	<-afterEnd
	c.AfterFunc(func() {})()
}
