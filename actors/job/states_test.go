package job_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
)

// A step acts on a job set; c is the claim of job a, where the test has made one.
type step func(ctx context.Context, b *bench, c *job.Claim) error

// Operations of a claimant.
var ops = map[string]step{
	"finish":  func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Finish(ctx, nil) },
	"result":  func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Finish(ctx, []byte("done")) },
	"empty":   func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Finish(ctx, []byte{}) },
	"cancel":  func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Cancel(ctx, "no") },
	"return":  func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Return(ctx) },
	"snooze":  func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Snooze(ctx, time.Hour) },
	"snooze0": func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Snooze(ctx, 0) },
	"stall":   func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Stall(ctx, "bad") },
	"extend":  func(ctx context.Context, _ *bench, c *job.Claim) error { return c.Extend(ctx) },
	"progress": func(ctx context.Context, _ *bench, c *job.Claim) error {
		return c.Progress(ctx, "half")
	},
}

// What the owner of a claim does, and all that it changes. The job failed once
// before; another one waits.
func TestOwner(t *testing.T) {
	t.Parallel()
	const rest = "\nitems: b=b\npublished: b@long"
	const back = "\nitems: a=a b=b\npublished: a@long b@long"
	tests := map[string]struct {
		op, state, said string
		max             int
	}{
		"finish":      {op: "finish", state: "finishes: 1\nids: b" + rest},
		"result":      {op: "result", state: "finishes: 1\nids: b\nitems: b=b\npublished: b@long\nresult:a: done", said: "job.finish a=done"},
		"empty":       {op: "empty", state: "finishes: 1\nids: b\nitems: b=b\npublished: b@long\nresult:a: ", said: "job.finish a="},
		"cancel":      {op: "cancel", state: "cancelled: a=2\nerrors: a=no\nids: a b" + back},
		"cancel most": {op: "cancel", max: 2, state: "config: max_failures=2\nerrors: a=no\nids: b\nitems: a=a b=b\npublished: b@long\nstalled: a"},
		"cancel more": {op: "cancel", max: 3, state: "cancelled: a=2\nconfig: max_failures=3\nerrors: a=no\nids: a b" + back},
		"return":      {op: "return", state: "cancelled: a=1\nids: b a" + back},
		"snooze":      {op: "snooze", state: "cancelled: a=1\ndelayed: a@+60m\nids: b" + back},
		"snooze0":     {op: "snooze0", state: "cancelled: a=1\nids: a b" + back},
		"stall":       {op: "stall", state: "errors: a=bad\nids: b\nitems: a=a b=b\npublished: b@long\nstalled: a"},
		"extend":      {op: "extend", state: "cancelled: a=1\nclaimants: a=10m0s\nclaimed: a@now\nids: b" + back},
		"progress":    {op: "progress", state: "cancelled: a=1\nclaimants: a=10m0s\nclaimed: a@now\nids: b\nitems: a=a b=b\nprogress: a=half\npublished: a@long b@long", said: "job.progress a=half"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, job.Config{MaxFailures: tc.max}).unattended()
			b.available("a", "b")
			b.seed("HSET feed.cancelled:X a 1")
			c := b.claim()
			require.Equal(t, "a", c.ID)
			assert.Equal(t, []byte("a"), c.Body)
			assert.Equal(t, 1, c.Failures)
			assert.Equal(t, time.UnixMilli(longAgo), c.Put)
			assert.WithinDuration(t, time.Now(), c.Claimed, 30*time.Second)
			if tc.op == "extend" {
				b.seed("ZADD feed.claimed:X 1700000000000.5 a")
			}
			r := b.record()
			require.NoError(t, ops[tc.op](t.Context(), b, c))
			assert.Equal(t, tc.state, b.state())
			assert.Equal(t, tc.said, said(t, r))
			if tc.op == "extend" || tc.op == "progress" {
				return
			}
			before := b.state() // the claim has ended: by whom is no matter
			for again, op := range ops {
				assert.ErrorIs(t, op(t.Context(), b, c), job.ErrNotOwner, again)
			}
			assert.Equal(t, before, b.state())
			assert.Empty(t, said(t, r))
		})
	}
}

// Somebody else has changed the job since it was claimed: whatever the old owner
// does is refused, and changes nothing.
func TestNotOwner(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		since func(b *bench)
		want  error
	}{
		"finished by a peer": {since: func(b *bench) {
			b.seed("ZREM feed.claimed:X a", "HDEL feed.cancelled:X a", "ZREM feed.published:X a", "INCR feed.finishes:X", "HDEL feed.items:X a")
		}},
		"cancelled by a peer": {since: func(b *bench) {
			b.seed("HINCRBY feed.cancelled:X a 1", "LPUSH feed.ids:X a", "ZREM feed.claimed:X a")
		}},
		"stalled by a peer": {since: func(b *bench) {
			b.seed("ZREM feed.claimed:X a", "HDEL feed.cancelled:X a", "SADD feed.stalled:X a", "ZREM feed.published:X a")
		}},
		"claimed by a peer since": {since: func(b *bench) {
			b.seed("HINCRBY feed.cancelled:X a 1", "LPUSH feed.ids:X a", "ZREM feed.claimed:X a", "RPOP feed.ids:X", "ZADD feed.claimed:X 1700000000000 a")
		}},
		"retracted": {since: func(b *bench) { require.NoError(b.t, b.Retract(b.t.Context(), "a")) }},
		"retracted and put again": {since: func(b *bench) {
			require.NoError(b.t, b.Retract(b.t.Context(), "a"))
			_, err := b.Put(b.t.Context(), []byte("2"), job.PutOptions{ID: "a"})
			require.NoError(b.t, err)
		}},
		"claimed by another engine": {since: func(b *bench) {
			b.seed("LPUSH feed.ids:X a", "ZREM feed.claimed:X a")
			require.Equal(b.t, "a", b.another(engine.Config{}).claim().ID)
		}},
		"claimed again by the same engine": {since: func(b *bench) {
			b.seed("LPUSH feed.ids:X a", "ZREM feed.claimed:X a")
			require.Equal(b.t, "a", b.claim().ID)
		}},
		"deleted": {want: engine.ErrNoSuchName, since: func(b *bench) {
			require.NoError(b.t, b.eng.Delete(b.t.Context(), b.name))
		}},
		"deleted, created, put and claimed": {since: func(b *bench) {
			require.NoError(b.t, b.eng.Delete(b.t.Context(), b.name))
			other := b.another(engine.Config{})
			_, err := other.Put(b.t.Context(), []byte("2"), job.PutOptions{ID: "a"})
			require.NoError(b.t, err)
			require.Equal(b.t, "a", other.claim().ID)
		}},
		"something else now": {want: engine.ErrWrongType, since: func(b *bench) {
			require.NoError(b.t, b.eng.Delete(b.t.Context(), b.name))
			require.NoError(b.t, b.eng.Create(b.t.Context(), b.name, engine.TypeFeed, nil))
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, job.Config{}).unattended()
			b.available("a")
			c := b.claim()
			tc.since(b)
			want := tc.want
			if want == nil {
				want = job.ErrNotOwner
			}
			r, before := b.record(), b.state()
			for name, op := range ops {
				assert.ErrorIs(t, op(t.Context(), b, c), want, name)
				assert.Equal(t, before, b.state(), name)
			}
			assert.Empty(t, said(t, r))
		})
	}
}

// A job e in each state, under the name of the state.
var seeds = map[string][]string{
	"available":    {"LPUSH feed.ids:X e", "HSET feed.items:X e old", "ZADD feed.published:X 1700000000000 e"},
	"queued twice": {"LPUSH feed.ids:X e e", "HSET feed.items:X e old", "ZADD feed.published:X 1700000000000 e"},
	"claimed": {"HSET feed.items:X e old", "ZADD feed.published:X 1700000000000 e", "ZADD feed.claimed:X 1700000000000 e",
		"HSET feed.claimants:X e other:0:1", "HSET feed.progress:X e some", "HSET feed.cancelled:X e 3"},
	"delayed": {"HSET feed.items:X e old", "ZADD feed.published:X 1700000000000 e", "ZADD feed.delayed:X 1700000000000 e",
		"HSET feed.errors:X e oh", "HSET feed.cancelled:X e 3"},
	"stalled":     {"HSET feed.items:X e old", "SADD feed.stalled:X e", "HSET feed.errors:X e oh"},
	"unaccounted": {"HSET feed.items:X e old", "ZADD feed.published:X 1700000000000 e"},
	"none":        nil,
	"left behind": {"SADD feed.stalled:X e"},
}

func TestManage(t *testing.T) {
	t.Parallel()
	put := func(o job.PutOptions) step {
		return func(ctx context.Context, b *bench, _ *job.Claim) error {
			o := o // subtests run at once
			o.ID = "e"
			id, err := b.Put(ctx, []byte("new"), o)
			if err == nil {
				assert.Equal(b.t, "e", id)
			} else {
				assert.Empty(b.t, id)
			}
			return err
		}
	}
	retry := func(ctx context.Context, b *bench, _ *job.Claim) error { return b.Retry(ctx, "e") }
	retract := func(ctx context.Context, b *bench, _ *job.Claim) error { return b.Retract(ctx, "e") }
	const fresh = "\nitems: e=new\npublished: e@now\npublishes: 1"
	type row struct {
		act   step
		err   error
		state string // "" if nothing changes
		none  bool   // nothing is left
		conf  job.Config
		said  string
	}
	tests := map[string]map[string]row{
		"put": {
			"available": {err: job.ErrExists}, "claimed": {err: job.ErrExists}, "delayed": {err: job.ErrExists},
			"stalled": {err: job.ErrExists}, "unaccounted": {err: job.ErrExists},
			"none": {state: "ids: e" + fresh},
		},
		"put late": {
			"available": {err: job.ErrExists}, "none": {act: put(job.PutOptions{Delay: time.Hour}), state: "delayed: e@+60m" + fresh},
		},
		"put with notices": {
			"available": {err: job.ErrExists, conf: job.Config{Notices: true}},
			"none":      {conf: job.Config{Notices: true}, state: "config: notices=1\nids: e" + fresh, said: "feed.publishes e=new"},
		},
		"retry": {
			"available": {err: job.ErrNotStalled}, "claimed": {err: job.ErrNotStalled}, "delayed": {err: job.ErrNotStalled},
			"unaccounted": {err: job.ErrNotStalled}, "none": {err: job.ErrNotStalled},
			"left behind": {err: job.ErrNotStalled, none: true},
			"stalled":     {state: "errors: e=oh\nids: e\nitems: e=old\npublished: e@now"},
		},
		"retract": {
			"available": {none: true}, "queued twice": {none: true}, "claimed": {none: true}, "delayed": {none: true},
			"stalled": {none: true}, "unaccounted": {none: true}, "none": {err: job.ErrNotFound},
		},
	}
	acts := map[string]step{"put": put(job.PutOptions{}), "put late": put(job.PutOptions{Delay: time.Hour}),
		"put with notices": put(job.PutOptions{}), "retry": retry, "retract": retract}
	for op, rows := range tests {
		for from, tc := range rows {
			t.Run(op+"/"+from, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, tc.conf)
				b.seed(seeds[from]...)
				r, want := b.record(), b.state()
				if tc.none || tc.state != "" {
					want = tc.state
				}
				if err := acts[op](t.Context(), b, nil); tc.err == nil {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, tc.err)
				}
				assert.Equal(t, want, b.state())
				assert.Equal(t, tc.said, said(t, r))
			})
		}
	}
}

// Puts of all kinds, and the order in which they are claimed.
func TestOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{Notices: true})
	ctx := t.Context()
	for _, id := range []string{"1", "2"} {
		_, err := b.Put(ctx, []byte(id), job.PutOptions{ID: id})
		require.NoError(t, err)
	}
	for _, id := range []string{"h1", "h2"} {
		_, err := b.Put(ctx, []byte(id), job.PutOptions{ID: id, Priority: job.High})
		require.NoError(t, err)
	}
	assert.Equal(t, "config: notices=1\nids: 2 1 h1 h2\nitems: 1=1 2=2 h1=h1 h2=h2\npublished: 1@now 2@now h1@now h2@now\npublishes: 4", b.state())
	r := b.record()
	var got []string
	for range 4 {
		got = append(got, b.claim().ID)
	}
	assert.Equal(t, []string{"h2", "h1", "1", "2"}, got)
	assert.Equal(t, "feed.claimed h2\nfeed.claimed h1\nfeed.claimed 1\nfeed.claimed 2", said(t, r))
	_, err := b.TryGet(ctx)
	assert.ErrorIs(t, err, job.ErrEmpty)
	assert.ErrorIs(t, b.Retry(ctx, "1"), job.ErrNotStalled)

	outcomes, err := b.PutMany(ctx, [][]byte{[]byte("x"), nil, []byte("y")})
	require.NoError(t, err)
	for i, want := range []string{"x", "", "y"} {
		require.NoError(t, outcomes[i].Err)
		c := b.claim()
		assert.Equal(t, outcomes[i].ID, c.ID)
		assert.Equal(t, want, string(c.Body))
	}
	_, err = b.PutMany(ctx, [][]byte{nil}, job.PutOptions{ID: "x"})
	assert.ErrorIs(t, err, engine.ErrNotSent)
	_, err = b.Put(ctx, nil, job.PutOptions{Delay: -1})
	assert.ErrorIs(t, err, job.ErrInvalidDelay)
	_, err = b.Put(ctx, nil, job.PutOptions{ID: "a\x00b"})
	assert.ErrorIs(t, err, engine.ErrNotSent)
}

// What peers leave behind is tolerated: ids without items, ids that are queued
// twice, or are in another state as well, and seconds for milliseconds.
func TestClaimOfJunk(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	b.available("a", "b", "c", "d", "e")
	b.seed("HDEL feed.items:X a", "RPUSH feed.ids:X b", "ZADD feed.published:X 1700000000.5 b",
		"ZADD feed.claimed:X 1700000000000 c", "SADD feed.stalled:X d", "ZADD feed.delayed:X 1700000000000 e")
	c := b.claim()
	assert.Equal(t, "b", c.ID)
	assert.Equal(t, time.UnixMilli(1700000000500), c.Put)
	_, err := b.TryGet(t.Context())
	assert.ErrorIs(t, err, job.ErrEmpty)
	assert.Equal(t, "claimants: b=10m0s\nclaimed: b@now c@long\ndelayed: e@long\nitems: b=b c=c d=d e=e\n"+
		"published: a@long b@long c@long d@long e@long\nstalled: d", b.state())

	b.seed("DEL feed.ids:X")
	for range 30 { // more than one claim looks at
		var junk []any
		for range 100 {
			junk = append(junk, "nothing")
		}
		b.peer.Do(append([]any{"RPUSH", "feed.ids:" + b.name}, junk...)...)
	}
	b.available("f")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err = b.Get(ctx)
	require.NoError(t, err)
	assert.Equal(t, "f", c.ID)
}

// After a fail-over an id that was popped may be in the line still. The job is claimed then, and not available as well.
func TestPoppedIDIsStillThere(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	claims := make(chan *job.Claim, 1)
	go func() {
		c, err := b.Get(ctx)
		assert.NoError(t, err)
		claims <- c
	}()
	require.Eventually(t, func() bool { return b.eng.Stats().Waker.Names == 1 }, 20*time.Second, time.Millisecond, "the getter waits")
	b.peer.Eval(`redis.call('HSET', KEYS[2], 'a', 'body')
		redis.call('LPUSH', KEYS[1], 'a', 'a')`, []string{"feed.ids:" + b.name, "feed.items:" + b.name})
	c := <-claims
	require.NotNil(t, c)
	assert.Equal(t, job.Counts{Claimed: 1, Jobs: 1}, b.counts())
	require.NoError(t, c.Finish(ctx, nil))
	assert.Equal(t, job.Counts{Finished: 1}, b.counts())
}
