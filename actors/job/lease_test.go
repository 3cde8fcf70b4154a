package job_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// attended is a job set of two engines that find out soon what has expired.
func attended(t testing.TB, cfg job.Config) (b, other *bench) {
	t.Helper()
	url := redistest.Shared(t).URL()
	quick := engine.Config{URL: url, Lease: time.Second, CheckEvery: 500 * time.Millisecond}
	b = benchOn(t, openEngine(t, quick), url, cfg)
	other = b.another(quick)
	return b, other
}

func block(ctx context.Context, _ *job.Claim) ([]byte, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// Claims that are not extended end after the timeout, as a cancel does: those taken
// by hand and those of peers, whatever their unit. Those that are extended go on.
func TestExpiry(t *testing.T) {
	t.Parallel()
	b, other := attended(t, job.Config{Timeout: 2 * time.Second, MaxFailures: 2})
	b.available("a", "kept", "last", "peer", "seconds", "gone")
	b.seed("HSET feed.cancelled:X last 1")
	a, kept, last := b.claim(), b.claim(), b.claim()
	b.seed("DEL feed.ids:X", "HDEL feed.items:X gone", "ZADD feed.claimed:X 1700000000000 peer",
		"ZADD feed.claimed:X 1700000000.25 seconds", "ZADD feed.claimed:X 1700000000000 gone")
	r := b.record()
	b.seed("SET feed.waiters:X 1 PX 60000")
	require.NoError(t, other.Pause(t.Context())) // what ends is not to run again at once
	other.handle(block, pool.Options{})
	redistest.Eventually(t, func() bool {
		require.NoError(t, kept.Extend(t.Context()))
		return b.counts().Claimed == 1
	}, "all but one have ended")
	assert.ErrorIs(t, a.Finish(t.Context(), nil), job.ErrNotOwner)
	assert.ErrorIs(t, last.Extend(t.Context()), job.ErrNotOwner)
	for id, failures := range map[string]int{"a": 1, "peer": 1, "seconds": 1, "kept": 0, "last": 0} {
		i, err := b.Info(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, failures, i.Failures, id)
		if id == "kept" {
			assert.Equal(t, job.Claimed, i.State)
			continue
		}
		assert.Equal(t, "the claim was not renewed in time", i.Error, id)
		if id == "last" {
			assert.Equal(t, job.Stalled, i.State)
		} else {
			assert.Equal(t, job.Available, i.State)
		}
	}
	assert.Equal(t, "job.ended last=stalled", said(t, r))
	require.NoError(t, kept.Finish(t.Context(), nil))
}

// What peers leave of ours is swept; jobs that peers lose are put back, but not
// before they were seen lost twice.
func TestRepair(t *testing.T) {
	t.Parallel()
	b, other := attended(t, job.Config{})
	b.available("a", "lost")
	c := b.claim()
	require.NoError(t, c.Progress(t.Context(), "half"))
	b.seed("HSET feed.errors:X a oh", "ZREM feed.claimed:X a", "HDEL feed.items:X a", "ZREM feed.published:X a",
		"DEL feed.ids:X", "SADD feed.stalled:X left1 left2", "ZADD feed.delayed:X 9900000000000 left3")
	ran := make(chan string, 10)
	other.handle(func(_ context.Context, c *job.Claim) ([]byte, error) { ran <- c.ID; return nil, nil }, pool.Options{})
	assert.Equal(t, "lost", within(t, ran, "the lost job runs, whatever else peers left"))
	redistest.Eventually(t, func() bool { return b.state() == "finishes: 1" }, "nothing is left behind")
}

// A job that is put back is there once, also if the reply was lost.
func TestRepairOnce(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, job.Config{}, engine.Config{Lease: time.Second, CheckEvery: 500 * time.Millisecond})
	require.NoError(t, b.Pause(t.Context()))
	b.available("a", "lost")
	b.seed("LREM feed.ids:X 0 lost")
	swallowed := proxy.SwallowNext(job.Named(job.RestoreScript))
	b.handle(block, pool.Options{})
	within(t, swallowed, "the reply is lost")
	redistest.Eventually(t, func() bool { s := b.eng.Stats().Jobs; return s.Retries > 0 && s.InFlight == 0 }, "it is repeated")
	_, err := b.Put(t.Context(), nil, job.PutOptions{ID: "behind"}) // goes behind the repetition
	require.NoError(t, err)
	assert.Equal(t, []string{"behind", "lost", "a"}, b.peer.Strings("LRANGE", "feed.ids:"+b.name, 0, -1))
}

// A peer claims in two steps: an id that is nowhere for a moment is not put back.
func TestPeerClaimsInTwoSteps(t *testing.T) {
	t.Parallel()
	const pause = 500 * time.Millisecond
	b, proxy := newProxied(t, job.Config{}, engine.Config{CheckEvery: 5 * pause})
	b.available("a")
	b.seed("RPOP feed.ids:X")
	var mu sync.Mutex
	var looks []time.Time
	claimed, looked := make(chan struct{}), make(chan struct{})
	proxy.OnRequest(func(_ int, raw []byte) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case bytes.Contains(raw, job.Named(job.StrayScript)):
			if looks = append(looks, time.Now()); len(looks) == 2 { // the peer's second step, just before the engine looks again
				_, err := b.peer.DoErr("ZADD", "feed.claimed:"+b.name, 9900000000000, "a")
				assert.NoError(t, err)
				close(claimed)
			}
		case bytes.Contains(raw, job.Named(job.LookScript)) && len(looks) == 2:
			looks = append(looks, time.Now())
			close(looked)
		}
	})
	var runs atomic.Int64
	b.handle(func(context.Context, *job.Claim) ([]byte, error) { runs.Add(1); return nil, nil }, pool.Options{})
	within(t, claimed, "it looks twice")
	within(t, looked, "it goes on")
	assert.Equal(t, int64(0), runs.Load())
	assert.Empty(t, b.peer.Strings("LRANGE", "feed.ids:"+b.name, 0, -1))
	assert.Equal(t, []string{"a"}, b.peer.Strings("ZRANGE", "feed.claimed:"+b.name, 0, -1))
	mu.Lock()
	defer mu.Unlock()
	assert.GreaterOrEqual(t, looks[1].Sub(looks[0]), pause, "a peer has time for it")
}

// Leases pass while Redis is away; those who live renew first when it is back, so
// no job runs twice.
func TestOutage(t *testing.T) {
	t.Parallel()
	const lease, total = 2 * time.Second, 300 // more than one call renews
	for try := 1; ; try++ {
		o := newOutage(t, lease, total)
		t.Logf("%d of %d ran, %d were interrupted; this process stood still for %v at most", o.runs.Load(), total, o.ended.Load(), o.stalled)
		// A process that cannot renew for as long as a lease has lost it. That is no outage of Redis.
		if o.stalled > lease/4 && try < 5 && (o.runs.Load() != total || o.ended.Load() != 0) {
			continue
		}
		assert.Equal(t, int64(total), o.runs.Load(), "none ran twice")
		assert.Equal(t, int64(0), o.ended.Load(), "none was interrupted")
		return
	}
}

type outage struct {
	runs, ended atomic.Int64 // handlers that began, and whose contexts ended
	stalled     time.Duration
}

// newOutage has Redis hang for two leases while all jobs run.
func newOutage(t *testing.T, lease time.Duration, total int) *outage {
	t.Helper()
	o := new(outage)
	srv := redistest.Private(t, redisserver.Options{})
	cfg := engine.Config{URL: srv.URL(), Lease: lease, Timeout: 300 * time.Millisecond}
	b := benchOn(t, openEngine(t, cfg), srv.URL(), job.Config{})
	other := b.another(cfg)
	b.seedMany(total)
	release := make(chan struct{})
	handler := func(ctx context.Context, _ *job.Claim) ([]byte, error) {
		o.runs.Add(1)
		select {
		case <-ctx.Done():
			o.ended.Add(1)
			return nil, context.Cause(ctx)
		case <-release:
			return nil, nil
		}
	}
	stalled := stalls(t, func() {})
	b.handle(handler, pool.Options{Workers: total})
	redistest.Eventually(t, func() bool { return b.stats().Running == total }, "all run")
	other.handle(handler, pool.Options{Workers: total})
	began := time.Now()
	old := b.peer.Strings("ZRANGE", "feed.claimed:"+b.name, 0, 0, "WITHSCORES")[1]
	redistest.Eventually(t, func() bool { // longer than a lease, so that claims could be ended
		return b.peer.Strings("ZRANGE", "feed.claimed:"+b.name, 0, 0, "WITHSCORES")[1] != old && time.Since(began) > 3*lease/2
	}, "all leases were renewed")
	require.NoError(t, srv.Pause())
	<-time.After(2 * lease) // the outage
	require.NoError(t, srv.Resume())
	at := b.peer.Strings("TIME")[0]
	redistest.Eventually(t, func() bool {
		oldest := b.peer.Strings("ZRANGEBYSCORE", "feed.claimed:"+b.name, "-inf", at+"000", "LIMIT", 0, 1)
		return len(oldest) == 0 && b.counts().Claimed == total
	}, "all leases are renewed")
	o.stalled = stalled()
	close(release)
	redistest.Eventually(t, func() bool { return b.counts().Finished == int64(total) }, "all end")
	return o
}

// One engine looks after a job set, and another one takes over when it is gone;
// looking costs little, however many engines there are.
func TestOneMaintainer(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	b := benchOn(t, openEngine(t, engine.Config{URL: srv.URL()}), srv.URL(), job.Config{})
	engines := []*bench{b, b.another(engine.Config{}), b.another(engine.Config{})}
	for _, e := range engines {
		e.handle(block, pool.Options{})
	}
	holder := func() string { s, _ := b.peer.Do("GET", "feed.maintenance:"+b.name).(string); return s }
	redistest.Eventually(t, func() bool { return holder() != "" }, "one does it")
	first, before, at := holder(), b.peer.CommandStats()["evalsha"], time.Now()
	lasts := time.Duration(b.peer.Int("PTTL", "feed.maintenance:"+b.name)) * time.Millisecond
	redistest.Eventually(t, func() bool {
		if h := holder(); time.Since(at) < lasts { // or the machine has stalled, and it may have been late
			require.Equal(t, first, h, "it stays the one")
		}
		return time.Since(at) > 3*time.Second
	}, "3 seconds pass")
	calls := b.peer.CommandStats()["evalsha"] - before
	took := time.Since(at)
	t.Logf("%d calls in %v by 3 idle engines", calls, took)
	assert.LessOrEqual(t, calls, 2*int64(took/time.Second))
	b.peer.Do("SET", "feed.maintenance:"+b.name, "died", "PX", 100)
	redistest.Eventually(t, func() bool { h := holder(); return h != "" && h != "died" }, "another one takes over")
}

// Many claims are looked at in bounded steps, and all of them in the end.
func TestManyExpire(t *testing.T) {
	t.Parallel()
	logs, seen := observer.New(zap.InfoLevel)
	url := redistest.Shared(t).URL()
	b := benchOn(t, openEngine(t, engine.Config{URL: url, Logger: zap.New(logs)}), url, job.Config{Timeout: time.Minute})
	other := b.another(engine.Config{Lease: time.Second, Logger: zap.New(logs)}) // one of the two looks after the job set
	const total = 3500
	b.seedMany(total)
	b.peer.Eval(`local n = 0
		for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
			n = n + 1 -- every second one is live
			redis.call('ZADD', KEYS[2], n % 2 == 0 and '1700000000000' or '9900000000000', id)
		end
		redis.call('DEL', KEYS[1])`, []string{"feed.ids:" + b.name, "feed.claimed:" + b.name})
	require.NoError(t, other.Pause(t.Context()))
	other.handle(block, pool.Options{})
	for _, part := range []int{total / 4, total / 2} {
		redistest.Eventually(t, func() bool {
			c := b.counts()
			require.Equal(t, total, c.Available+c.Claimed)
			require.LessOrEqual(t, c.Available, total/2)
			return c.Available >= part
		}, "all that have passed are available")
	}
	var steps []int64
	redistest.Eventually(t, func() bool {
		steps = nil
		ended := int64(0)
		for _, e := range seen.FilterMessageSnippet("claims that were not renewed").All() {
			steps = append(steps, e.ContextMap()["claims"].(int64))
			ended += steps[len(steps)-1]
		}
		return ended == total/2
	}, "the log tells of all")
	for _, n := range steps {
		assert.LessOrEqual(t, n, int64(1000), "in bounded steps")
	}
	t.Log("ended:", steps)
}
