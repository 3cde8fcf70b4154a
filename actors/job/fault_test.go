package job_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pool"
)

// The reply of an operation is lost after it ran, and it is repeated: it has not
// happened twice, and the caller hears what is true.
func TestLostReply(t *testing.T) {
	t.Parallel()
	put := func(body string) step {
		return func(ctx context.Context, b *bench, _ *job.Claim) error {
			_, err := b.Put(ctx, []byte(body), job.PutOptions{ID: "p"})
			return err
		}
	}
	tests := map[string]struct {
		act    step
		script *wire.Script
		while  []string // by a peer, between the first try and the second
		want   error
		state  string
	}{
		"put": {act: put("p"), script: job.PutScript, state: "claimants: a=10m0s\nclaimed: a@now\nids: p\nitems: a=a p=p\npublished: a@long p@now\npublishes: 1"},
		"put, done meanwhile": {act: put("p"), script: job.PutScript, while: []string{"DEL feed.ids:X", "HDEL feed.items:X p", "ZREM feed.published:X p"},
			want: engine.ErrOutcomeUnknown, state: "claimants: a=10m0s\nclaimed: a@now\nitems: a=a\npublished: a@long\npublishes: 1"},
		"put of a job without an id of its own": {act: func(ctx context.Context, b *bench, _ *job.Claim) error {
			id, err := b.Put(ctx, []byte("x"))
			require.NoError(b.t, err)
			b.seed("LREM feed.ids:X 1 "+id, "HDEL feed.items:X "+id, "ZREM feed.published:X "+id)
			return nil
		}, script: job.PutScript, state: "claimants: a=10m0s\nclaimed: a@now\nitems: a=a\npublished: a@long\npublishes: 1"},
		"finish": {act: ops["result"], script: job.FinishScript, want: engine.ErrOutcomeUnknown, state: "finishes: 1\nresult:a: done"},
		"cancel": {act: ops["cancel"], script: job.ReleaseScript, want: engine.ErrOutcomeUnknown, state: "cancelled: a=1\nerrors: a=no\nids: a\nitems: a=a\npublished: a@long"},
		"return": {act: ops["return"], script: job.ReleaseScript, want: engine.ErrOutcomeUnknown, state: "ids: a\nitems: a=a\npublished: a@long"},
		"stall":  {act: ops["stall"], script: job.ReleaseScript, want: engine.ErrOutcomeUnknown, state: "errors: a=bad\nitems: a=a\nstalled: a"},
		"snooze": {act: ops["snooze"], script: job.ReleaseScript, want: engine.ErrOutcomeUnknown, state: "delayed: a@+60m\nitems: a=a\npublished: a@long"},
		"extend": {act: ops["extend"], script: job.ExtendScript, state: "claimants: a=10m0s\nclaimed: a@now\nitems: a=a\npublished: a@long"},
		"extension of a claim that is lost": {act: ops["extend"], script: job.ExtendScript, while: []string{"ZREM feed.claimed:X a", "LPUSH feed.ids:X a"},
			want: job.ErrNotOwner, state: "claimants: a=10m0s\nids: a\nitems: a=a\npublished: a@long"},
		"finish, and the id put again": {act: ops["finish"], script: job.FinishScript,
			while: []string{"LPUSH feed.ids:X a", "HSET feed.items:X a new", "ZADD feed.published:X 1700000000000 a"},
			want:  engine.ErrOutcomeUnknown, state: "finishes: 1\nids: a\nitems: a=new\npublished: a@long"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, proxy := newProxied(t, job.Config{}, engine.Config{})
			b.unattended().available("a")
			c := b.claim()
			proxy.Refuse(true)
			lost := proxy.SwallowNext(job.Named(tc.script))
			done := make(chan error, 1)
			go func() { done <- tc.act(context.Background(), b, c) }()
			within(t, lost, "the reply was swallowed")
			b.seed(tc.while...)
			proxy.Refuse(false)
			err := within(t, done, "the answer")
			if tc.want == nil {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, tc.want)
			}
			assert.Equal(t, tc.state, b.state())
		})
	}
}

// A claim whose reply was lost is the same claim when it is asked for again, as far
// as the jobs are still ours.
func TestLostClaim(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		while []string
		want  string
	}{
		"nothing happens":          {nil, "a"},
		"finished by a peer":       {[]string{"ZREM feed.claimed:X a", "HDEL feed.items:X a"}, "b"},
		"only its item is gone":    {[]string{"HDEL feed.items:X a"}, "b"},
		"taken away":               {[]string{"ZREM feed.claimed:X a", "HDEL feed.claimants:X a", "LPUSH feed.ids:X a"}, "b"},
		"redis forgets the script": {[]string{"SCRIPT FLUSH"}, "a"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Private(t, redisserver.Options{})
			proxy := redistest.NewProxy(t, srv.URL())
			b := benchOn(t, openEngine(t, engine.Config{URL: proxy.URL()}), srv.URL(), job.Config{})
			for _, s := range job.Scripts() {
				b.peer.Do("SCRIPT", "LOAD", s.Source())
			}
			b.unattended().available("a", "b")
			proxy.Refuse(true)
			lost := proxy.SwallowNext(job.Named(job.ClaimScript))
			got := make(chan *job.Claim, 1)
			go func() {
				c, err := b.Get(context.Background())
				assert.NoError(t, err)
				got <- c
			}()
			within(t, lost, "the claim was swallowed")
			b.seed(tc.while...)
			proxy.Refuse(false)
			c := within(t, got, "the claim")
			require.NotNil(t, c)
			assert.Equal(t, tc.want, c.ID)
			assert.NoError(t, c.Finish(t.Context(), nil))
		})
	}
}

// Handlers while replies are lost and connections are cut: each job ends once.
func TestHandlersUnderCuts(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, job.Config{MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond}, engine.Config{})
	const total = 1500
	b.seedMany(total)
	var mu sync.Mutex
	running := map[string]bool{}
	var n atomic.Int64
	b.handle(func(ctx context.Context, c *job.Claim) ([]byte, error) {
		mu.Lock()
		assert.False(t, running[c.ID], "%s runs twice at once", c.ID)
		running[c.ID] = true
		mu.Unlock()
		defer func() { mu.Lock(); running[c.ID] = false; mu.Unlock() }()
		switch i := n.Add(1); {
		case i%100 == 0:
			proxy.Cut()
		case i%40 == 0:
			proxy.SwallowReplies(1)
		case i%9 == 0:
			return nil, errors.New("no")
		}
		return nil, nil
	}, pool.Options{Workers: 20})
	redistest.Eventually(t, func() bool { return b.peer.Int("HLEN", "feed.items:"+b.name) == 0 }, "all end")
	assert.Equal(t, int64(total), b.counts().Finished)
	assert.Equal(t, job.Counts{Finished: total}, b.counts())
}

// A server that is short of memory takes no new jobs; those that it has end.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	b := benchOn(t, openEngine(t, engine.Config{URL: srv.URL()}), srv.URL(), job.Config{}).unattended()
	b.available("a", "b", "c")
	first := b.claim()
	b.peer.Do("CONFIG", "SET", "maxmemory", "1")
	_, err := b.Put(t.Context(), []byte("x"))
	assert.ErrorIs(t, err, engine.ErrNotSent)
	assert.ErrorContains(t, err, "OOM")
	require.NoError(t, first.Extend(t.Context()))
	require.NoError(t, first.Cancel(t.Context(), "no"))
	second := b.claim()
	assert.Equal(t, "b", second.ID)
	require.NoError(t, second.Finish(t.Context(), []byte("r")))
	b.peer.Do("CONFIG", "SET", "maxmemory", "0")
	assert.Equal(t, "cancelled: a=1\nerrors: a=no\nfinishes: 1\nids: a c\nitems: a=a c=c\npublished: a@long c@long\nresult:b: r", b.state())
}

// Keys that hold something else make operations fail before anything is written.
func TestForeignValues(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"finishes", "ids", "claimants"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, job.Config{}).unattended()
			b.available("a")
			c := b.claim()
			b.seed("DEL feed."+key+":X", "SET feed."+key+":X foreign")
			before := b.state()
			if key == "finishes" {
				assert.ErrorIs(t, c.Finish(t.Context(), nil), engine.ErrNotSent)
			} else {
				assert.ErrorIs(t, c.Cancel(t.Context(), "no"), engine.ErrNotSent)
			}
			assert.Equal(t, before, b.state())
		})
	}
}

// A claim that lands when nobody is left to run it, because the engine drains,
// goes back at once.
func TestClaimLandsWhileDraining(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, job.Config{}, engine.Config{DrainTimeout: 5 * time.Second})
	b.seedMany(5)
	var runs atomic.Int64
	flying, land := make(chan struct{}), make(chan struct{})
	var once sync.Once
	proxy.OnRequest(func(_ int, raw []byte) {
		if bytes.Contains(raw, job.Named(job.ClaimScript)) {
			once.Do(func() { close(flying); <-land })
		}
	})
	go func() {
		_ = b.eng.Handle(context.Background(), b.Jobs, func(context.Context, *job.Claim) ([]byte, error) { runs.Add(1); return nil, nil }, pool.Options{})
	}()
	within(t, flying, "the claim is under way")
	closed := make(chan error, 1)
	go func() { closed <- b.eng.Close(context.Background()) }()
	// Close has got so far when new handlers are refused.
	redistest.Eventually(t, func() bool {
		return errors.Is(b.eng.Handle(context.Background(), b.Jobs, nil, pool.Options{}), engine.ErrStopped)
	}, "it drains")
	close(land)
	require.NoError(t, within(t, closed, "close"))
	assert.Equal(t, int64(0), runs.Load(), "no handler starts while the engine drains")
	assert.Equal(t, int64(0), b.peer.Int("ZCARD", "feed.claimed:"+b.name))
	assert.Equal(t, []string{"j00004", "j00003", "j00002", "j00001", "j00000"}, b.peer.Strings("LRANGE", "feed.ids:"+b.name, 0, -1), "in their old order")
}
