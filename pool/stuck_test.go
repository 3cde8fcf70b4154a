package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		defer p.Close()
		reports := make(chan Stuck, 10)
		g := p.Group(Options{StuckAfter: 10 * time.Second, OnStuck: func(s Stuck) { reports <- s }})
		end := make(chan error)
		start(t, g, Task{Name: "ignores its context", Timeout: time.Second, Do: func(context.Context) error { return deepInHere(end) }})
		start(t, g, Task{Name: "slow, but in time", Timeout: time.Second, Do: func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(10*time.Second - 1)
			return nil
		}})
		start(t, g, Task{Name: "waits without end", Do: waitFor(end)})

		time.Sleep(11*time.Second - 1)
		synctest.Wait()
		want(t, "reports", len(reports), 0)
		time.Sleep(1 * time.Nanosecond)
		synctest.Wait()
		want(t, "reports", len(reports), 1)
		s := <-reports
		want(t, "name", s.Name, "ignores its context")
		want(t, "running", s.Running, 11*time.Second)
		want(t, "cause", s.Cause, ErrTimeout)
		if !strings.HasPrefix(string(s.Stack), "goroutine ") || !strings.Contains(string(s.Stack), "deepInHere") ||
			strings.Count(string(s.Stack), "goroutine ") > 2 { // "created by … in goroutine 7"
			t.Errorf("stack:\n%s", s.Stack)
		}
		want(t, "stats", p.Stats(), Stats{Running: 2, Stuck: 1, StuckTotal: 1, Started: 3})

		time.Sleep(time.Hour)
		synctest.Wait()
		want(t, "one report is enough", len(reports), 0)
		close(end)
		synctest.Wait()
		want(t, "stats", g.Stats(), Stats{Limit: 16, StuckTotal: 1, Started: 3})
	})
}

func deepInHere(end chan error) error { return <-end }

// Every task gets the stack of its own goroutine, also when many become stuck at once.
func TestStacksAreNotMixedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		defer p.Close()
		var mu sync.Mutex
		var names []string
		var calls atomic.Int64
		g := p.Group(Options{Workers: 50, OnStuck: func(s Stuck) {
			want(t, "reports at once", calls.Add(1), 1)
			time.Sleep(time.Millisecond)
			calls.Add(-1)
			mu.Lock()
			names = append(names, s.Name)
			mu.Unlock()
			if marked := strings.Contains(string(s.Stack), "deepInHere"); marked != strings.HasPrefix(s.Name, "deep") {
				t.Errorf("%s has stack\n%s", s.Name, s.Stack)
			}
			want(t, "cause", s.Cause, io.EOF)
		}})
		var all []string
		end := make(chan error)
		for range 3 { // the goroutines are used again
			names, all = nil, nil
			for i := range 50 {
				name, do := fmt.Sprint("deep ", i), func(context.Context) error { return deepInHere(end) }
				if i%3 == 0 {
					name, do = fmt.Sprint("flat ", i), waitFor(end)
				}
				all = append(all, name)
				start(t, g, Task{Name: name, Do: do, Timeout: time.Hour})
			}
			p.CancelAll(io.EOF)
			time.Sleep(11 * time.Second)
			synctest.Wait()
			want(t, "stuck", p.Stats().Stuck, 50)
			close(end)
			end = make(chan error)
			synctest.Wait()
			mu.Lock()
			slices.Sort(names)
			slices.Sort(all)
			want(t, "names", strings.Join(names, ","), strings.Join(all, ","))
			mu.Unlock()
		}
		want(t, "stats", p.Stats(), Stats{StuckTotal: 150, Started: 150})
	})
}

func TestStuckWithoutAnyoneToTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		defer p.Close()
		end := make(chan error)
		quiet, loud := p.Group(Options{StuckAfter: time.Second}), p.Group(Options{OnStuck: func(Stuck) { panic("in OnStuck") }})
		start(t, quiet, Task{Do: waitFor(end)}).Cancel(nil)
		start(t, loud, Task{Do: waitFor(end)}).Cancel(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "quiet", quiet.Stats(), Stats{Running: 1, Limit: 16, Stuck: 1, StuckTotal: 1, Started: 1})
		want(t, "loud", loud.Stats(), Stats{Running: 1, Limit: 16, Stuck: 1, StuckTotal: 1, Started: 1, Panics: 1})
		close(end)
		synctest.Wait()
		want(t, "all", p.Stats(), Stats{StuckTotal: 2, Started: 2, Panics: 1})
	})
}

// A Done that hangs is reported too, if the context ended before.
func TestStuckInDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(0)
		defer p.Close()
		end := make(chan error)
		g := p.Group(Options{})
		start(t, g, Task{Do: untilEnd, Timeout: time.Second, Done: func(err error) {
			want(t, "err", errors.Is(err, ErrTimeout), true)
			<-end
		}})
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "stuck", p.Stats().Stuck, 1)
		close(end)
		synctest.Wait()
		want(t, "stuck", p.Stats().Stuck, 0)
	})
}

func TestStackOf(t *testing.T) {
	all := []byte("goroutine 1 [running]:\na\n\ngoroutine 12 [select]:\nb\n\ngoroutine 2 [idle]:\nc\n")
	for id, stack := range map[string]string{
		"1":  "goroutine 1 [running]:\na\n",
		"12": "goroutine 12 [select]:\nb\n",
		"2":  "goroutine 2 [idle]:\nc\n",
		"3":  "",
		"":   "",
	} {
		want(t, "stack of "+id, string(stackOf(all, id)), stack)
	}
}
