package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// traffic is work on some names in two engines, while somebody breaks things, and an audit of what was acknowledged.
type traffic struct {
	t      testing.TB
	url    string
	a, b   *engine.Engine
	feeds  []*feed.Feed
	queues []*queue.Queue
	jobs   []*job.Jobs
	mirror map[string]*mirror // of each feed, kept by a follower
	stop   chan struct{}
	ended  sync.WaitGroup
	leave  context.CancelFunc // ends getters and followers

	mu     sync.Mutex
	acked  map[string]bool      // publishes, puts of items, puts of jobs: "name/writer/number"
	got    map[string]int       // items and jobs that were delivered
	failed map[string]int       // calls, by what their errors said
	last   map[string]time.Time // success of each kind of call on a name
	gaps   map[string]time.Duration
}

// names that traffic is on, each in a slot of its own.
const trafficNames = 4

// writers on each name.
const trafficWriters = 3

func startTraffic(t testing.TB, cfg engine.Config) *traffic {
	t.Helper()
	cfg.CheckEvery, cfg.Lease = 500*time.Millisecond, time.Second
	tr := &traffic{
		t: t, url: cfg.URL, a: open(t, cfg), b: open(t, cfg), stop: make(chan struct{}), mirror: map[string]*mirror{},
		acked: map[string]bool{}, got: map[string]int{}, failed: map[string]int{}, last: map[string]time.Time{}, gaps: map[string]time.Duration{},
	}
	ctx, leave := context.WithCancel(context.Background())
	tr.leave = leave
	t.Cleanup(leave)
	for range trafficNames {
		name := redistest.Name(t)
		f, err := tr.a.Feed(ctx, name+"-feed", feed.Config{})
		require.NoError(t, err)
		q, err := tr.a.Queue(ctx, name+"-queue", queue.Config{})
		require.NoError(t, err)
		j, err := tr.a.Jobs(ctx, name+"-jobs", job.Config{})
		require.NoError(t, err)
		tr.feeds, tr.queues, tr.jobs = append(tr.feeds, f), append(tr.queues, q), append(tr.jobs, j)
		tr.follow(ctx, name+"-feed")
		tr.get(ctx, name+"-queue")
		tr.handle(ctx, name+"-jobs")
	}
	for i := range trafficNames {
		f, q, j := tr.feeds[i], tr.queues[i], tr.jobs[i]
		for w := range trafficWriters {
			tr.write(f.Name(), w, func(ctx context.Context, id string) error { return f.PublishAs(ctx, id, []byte(id)) })
			tr.write(q.Name(), w, func(ctx context.Context, id string) error { _, err := q.Put(ctx, []byte(id)); return err })
			tr.write(j.Name(), w, func(ctx context.Context, id string) error { _, err := j.Put(ctx, []byte(id)); return err })
		}
	}
	return tr
}

// write has one writer call do with "name/writer/number", each number once, until traffic stops.
func (tr *traffic) write(name string, w int, do func(context.Context, string) error) {
	tr.ended.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-tr.stop:
				return
			default:
			}
			id := fmt.Sprintf("%s/%d/%06d", name, w, i)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			err := do(ctx, id)
			cancel()
			tr.note(name, id, err)
		}
	})
}

func (tr *traffic) note(name, id string, err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	now := time.Now()
	if err == nil {
		tr.acked[id] = true
		if last, ok := tr.last[name]; ok {
			tr.gaps[name] = max(tr.gaps[name], now.Sub(last))
		}
		tr.last[name] = now
		return
	}
	switch {
	case errors.Is(err, engine.ErrNotReplicated):
		tr.failed["not replicated"]++
	case errors.Is(err, engine.ErrOutcomeUnknown):
		tr.failed["outcome unknown"]++
	case errors.Is(err, engine.ErrNotSent):
		tr.failed["not sent"]++
	default:
		tr.failed["other: "+err.Error()]++
	}
}

// get has a getter of the other engine take items.
func (tr *traffic) get(ctx context.Context, name string) {
	q, err := tr.b.Queue(ctx, name, queue.Config{})
	require.NoError(tr.t, err)
	for range 2 {
		tr.ended.Go(func() {
			for {
				it, err := q.Get(ctx)
				if ctx.Err() != nil && err != nil {
					return
				}
				if err == nil {
					tr.delivered(string(it.Body))
				}
			}
		})
	}
}

func (tr *traffic) handle(ctx context.Context, name string) {
	j, err := tr.b.Jobs(ctx, name, job.Config{})
	require.NoError(tr.t, err)
	require.NoError(tr.t, tr.b.Handle(ctx, j, func(_ context.Context, c *job.Claim) ([]byte, error) {
		tr.delivered(string(c.Body))
		return nil, nil
	}, pool.Options{Workers: 4}))
}

func (tr *traffic) delivered(id string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.got[id]++
}

// A mirror is what a follower knows of a feed.
type mirror struct {
	mu    sync.Mutex
	ids   map[string]bool
	sync  bool // the snapshot is complete
	lags  int
	order []string // as published
}

func (tr *traffic) follow(ctx context.Context, name string) {
	f, err := tr.b.Feed(ctx, name, feed.Config{})
	require.NoError(tr.t, err)
	sub, err := f.Follow(ctx, feed.FollowOptions{Snapshot: true, Mailbox: 1 << 16})
	require.NoError(tr.t, err)
	m := &mirror{ids: map[string]bool{}}
	tr.mirror[name] = m
	tr.ended.Go(func() {
		defer func() { _ = sub.Close() }()
		for {
			e, err := sub.Next(ctx)
			if err != nil {
				if ctx.Err() != nil {
					return
				}
				continue // of reading the snapshot
			}
			m.apply(e)
		}
	})
}

func (m *mirror) apply(e feed.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e.Kind {
	case feed.Lagged:
		m.ids, m.sync, m.order = map[string]bool{}, false, nil
		m.lags++
	case feed.Snapshot, feed.Published, feed.Edited:
		m.ids[e.ID] = true
		m.order = append(m.order, e.ID)
	case feed.Synced:
		m.sync = true
	}
}

// An audit is what became of the acknowledged calls.
type audit struct {
	acked, lost, doubled, disordered int
	failed                           map[string]int
	longest                          time.Duration // without a success on a name
}

func (a audit) String() string {
	return fmt.Sprintf("%d acknowledged, %d lost, %d delivered twice, %d out of order; failed calls: %v; longest time without a success: %v",
		a.acked, a.lost, a.doubled, a.disordered, a.failed, a.longest.Round(time.Millisecond))
}

// end stops the writers, waits until everything that was put has been delivered or is gone, and looks what is there.
func (tr *traffic) end() (a audit) {
	t := tr.t
	t.Helper()
	close(tr.stop)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	peer := redistest.Client(t, tr.url)
	for i := range trafficNames {
		for _, name := range []string{tr.queues[i].Name(), tr.jobs[i].Name()} {
			redistest.Eventually(t, func() bool { return peer.Int("HLEN", "feed.items:"+name) == 0 }, "%s runs empty", name)
		}
	}
	stored := map[string]bool{}
	for _, f := range tr.feeds {
		next := map[string]int{} // of each writer
		var ids []string
		for it, err := range f.All(ctx) {
			require.NoError(t, err)
			stored[it.ID] = true
			ids = append(ids, it.ID)
			parts := strings.Split(it.ID, "/")
			number, _ := strconv.Atoi(parts[2])
			if number < next[parts[1]] {
				a.disordered++
			}
			next[parts[1]] = number
		}
		tr.mirrored(f.Name(), ids)
	}
	tr.leave()
	tr.ended.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for id := range tr.acked {
		a.acked++
		if !stored[id] && tr.got[id] == 0 {
			if a.lost++; a.lost <= 20 {
				t.Logf("lost: %s", id)
			}
		}
	}
	for id, n := range tr.got {
		if n > 1 && strings.Contains(id, "-queue/") {
			a.doubled++
		}
	}
	a.failed = maps.Clone(tr.failed)
	for _, gap := range tr.gaps {
		a.longest = max(a.longest, gap)
	}
	for what := range a.failed {
		assert.NotContains(t, what, "other", "an error tells whether the call ran")
	}
	return a
}

// mirrored waits until a follower has what the feed has.
func (tr *traffic) mirrored(name string, ids []string) {
	tr.t.Helper()
	m := tr.mirror[name]
	want := slices.Sorted(slices.Values(ids))
	require.Eventually(tr.t, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.sync && slices.Equal(want, slices.Sorted(maps.Keys(m.ids)))
	}, 30*time.Second, 10*time.Millisecond, "the follower of %s has what is there, and nothing else", name)
}

// success waits until every name has a success after this moment.
func (tr *traffic) success() {
	tr.t.Helper()
	since := time.Now()
	require.Eventually(tr.t, func() bool {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		for _, last := range tr.last {
			if last.Before(since) {
				return false
			}
		}
		return len(tr.last) == 3*trafficNames
	}, 30*time.Second, 10*time.Millisecond, "every name works")
}
