//go:build linux

package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// TestResume measures how long service takes to resume, with the engine's defaults: from the moment on which the server can
// be reached again, until a call that waits has its answer, a getter and a handler that wait have an item that a peer puts
// then, and a follower hears of what is published then.
func TestResume(t *testing.T) {
	s := Standalone(t, 1).(*standalone)
	proxy := s.proxies[0]
	ctx := t.Context()
	faults := []struct {
		name  string
		times int
		often bool   // is in the short form of the test
		do    func() // returns when the server can be reached again
	}{
		{"server killed and restarted", 5, true, func() { require.NoError(t, s.server.Restart(ctx)) }},
		{"server away for 2 s", 3, false, func() {
			require.NoError(t, s.server.Kill())
			wait(ctx, 2*time.Second)
			require.NoError(t, s.server.Restart(ctx))
		}},
		{"connections cut", 5, true, proxy.Cut},
		{"connections half open", 2, false, func() { proxy.Abandon() }},
		{"server stopped for 1 s", 3, true, func() { s.pauseFor(ctx, time.Second) }},
		{"server stopped for 5 s", 3, false, func() { s.pauseFor(ctx, 5*time.Second) }},
	}
	r := newResuming(t, s)
	for _, f := range faults {
		if !f.often && !*all {
			continue
		}
		r.round(func() {}) // all is well, and warm
		times := map[string][]time.Duration{}
		for range f.times {
			if *all {
				wait(ctx, 3*time.Second) // or the next failure follows one so soon that attempts to connect are spread out
			}
			for what, d := range r.round(f.do) {
				times[what] = append(times[what], d)
			}
		}
		var line []string
		for _, what := range []string{"call", "getter", "handler", "follower"} {
			list := times[what]
			slices.Sort(list)
			line = append(line, fmt.Sprintf("%s %v (at most %v)", what, list[len(list)/2].Round(100*time.Microsecond), list[len(list)-1].Round(100*time.Microsecond)))
		}
		t.Logf("%-28s %s", f.name, strings.Join(line, ", "))
	}
}

func (s *standalone) pauseFor(ctx context.Context, d time.Duration) {
	require.NoError(s.t, s.server.Pause())
	wait(ctx, d)
	require.NoError(s.t, s.server.Resume())
}

type resuming struct {
	t       testing.TB
	s       *standalone
	news    *feed.Feed
	mail    *queue.Queue
	number  int
	taken   chan string
	handled chan string
	heard   chan string
}

func newResuming(t testing.TB, s *standalone) *resuming {
	r := &resuming{t: t, s: s, taken: make(chan string, 100), handled: make(chan string, 100), heard: make(chan string, 100)}
	eng, err := engine.Open(t.Context(), engine.Config{URL: s.URL(0)})
	require.NoError(t, err)
	var getters sync.WaitGroup
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, eng.Close(ctx))
		getters.Wait()
	})
	r.news, err = eng.Feed(t.Context(), "news", feed.Config{})
	require.NoError(t, err)
	r.mail, err = eng.Queue(t.Context(), "mail", queue.Config{})
	require.NoError(t, err)
	jobs, err := eng.Jobs(t.Context(), "jobs", job.Config{})
	require.NoError(t, err)
	require.NoError(t, eng.Handle(t.Context(), jobs, func(_ context.Context, c *job.Claim) ([]byte, error) {
		r.handled <- string(c.Body)
		return nil, nil
	}, pool.Options{}))
	sub, err := r.news.Follow(t.Context(), feed.FollowOptions{})
	require.NoError(t, err)
	getters.Go(func() {
		for {
			it, err := r.mail.Get(context.Background())
			if err != nil {
				return
			}
			r.taken <- string(it.Body)
		}
	})
	getters.Go(func() {
		for e := range sub.Events() {
			if e.Kind == feed.Published {
				r.heard <- string(e.Body)
			}
		}
	})
	return r
}

// round strikes while a call is made every millisecond, and times what comes after.
func (r *resuming) round(strike func()) map[string]time.Duration {
	t := r.t
	r.number++
	body := fmt.Sprint("after ", r.number)
	stop := make(chan struct{})
	var last time.Time // when the first call was answered that had not been when the server was back
	var back time.Time
	var mu sync.Mutex
	var calls sync.WaitGroup
	calls.Go(func() {
		for {
			_, err := r.news.Publish(t.Context(), nil)
			mu.Lock()
			if err == nil && !back.IsZero() && last.IsZero() {
				last = time.Now()
			}
			mu.Unlock()
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	wait(t.Context(), 100*time.Millisecond)
	strike()
	mu.Lock()
	back = time.Now()
	began := back
	mu.Unlock()

	// A peer, which connects when it can, and does as others do.
	peer := redistest.Client(t, r.s.Direct())
	peer.Pipeline([]any{"HSET", "feed.items:mail", body, body}, []any{"LPUSH", "feed.ids:mail", body})
	peer.Pipeline([]any{"HSET", "feed.items:jobs", body, body}, []any{"ZADD", "feed.published:jobs", time.Now().UnixMilli(), body}, []any{"LPUSH", "feed.ids:jobs", body})
	var telling sync.WaitGroup
	told := make(chan struct{})
	telling.Go(func() { // again and again: what is published before the follower is back it cannot hear
		for {
			peer.Do("PUBLISH", "feed.publish:news", body+"\x00"+body)
			select {
			case <-told:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	type resumed struct {
		what  string
		after time.Duration
	}
	all := make(chan resumed, 3)
	patience, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for what, from := range map[string]chan string{"getter": r.taken, "handler": r.handled, "follower": r.heard} {
		go func() {
			for got := ""; got != body; {
				select {
				case got = <-from:
				case <-patience.Done():
					all <- resumed{what, -1}
					return
				}
			}
			all <- resumed{what, time.Since(began)}
		}()
	}
	times := map[string]time.Duration{}
	for range 3 {
		one := <-all
		times[one.what] = one.after
		require.GreaterOrEqual(t, one.after, time.Duration(0), "no %s resumes", one.what)
	}
	close(told)
	telling.Wait()
	redistest.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return !last.IsZero() }, "a call is answered")
	close(stop)
	calls.Wait()
	times["call"] = last.Sub(began)
	return times
}
