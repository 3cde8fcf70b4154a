package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// A target is a name that a hostile peer writes into, and the calls made on it.
type target struct {
	name string
	peer *redistest.Raw
	eng  *engine.Engine
}

// use runs each call on the name for a bounded time. Refusals and errors that say why
// are fine; what is not is a call that never returns.
func (g target) use(t *testing.T, kind engine.Type) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	told := func(op string, err error) {
		t.Helper()
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "%s hangs", op)
	}
	switch kind {
	case engine.TypeFeed:
		f, err := g.eng.Feed(ctx, g.name, feed.Config{})
		if told("open", err); err != nil {
			return
		}
		told("publish", f.PublishAs(ctx, "mine", []byte("x")))
		told("edit", f.PublishAs(ctx, "mine", []byte("y")))
		_, err = f.IDs(ctx)
		told("ids", err)
		n := 0
		for _, err := range f.All(ctx) {
			told("all", err)
			n++
		}
		_, err = f.Newest(ctx, 3)
		told("newest", err)
		_, err = f.Config(ctx)
		told("config", err)
		told("retract", f.Retract(ctx, "mine"))
	case engine.TypeSorted:
		s, err := g.eng.Sorted(ctx, g.name, sorted.Config{})
		if told("open", err); err != nil {
			return
		}
		id, err := s.Append(ctx, []byte("x"))
		told("append", err)
		if err == nil {
			told("edit", s.Edit(ctx, id, []byte("y")))
			told("move", s.Move(ctx, id, sorted.First))
			_, err = s.Index(ctx, id)
			told("index", err)
		}
		_, err = s.IDs(ctx)
		told("ids", err)
		for _, err := range s.All(ctx) {
			told("all", err)
		}
		if id != "" {
			told("retract", s.Retract(ctx, id))
		}
	case engine.TypeQueue:
		q, err := g.eng.Queue(ctx, g.name, queue.Config{})
		if told("open", err); err != nil {
			return
		}
		_, err = q.Put(ctx, []byte("x"))
		told("put", err)
		_, err = q.Peek(ctx, 3)
		told("peek", err)
		_, err = q.IDs(ctx)
		told("ids", err)
		_, err = q.TryGet(ctx)
		told("get", err)
		_, err = q.Purge(ctx)
		told("purge", err)
	case engine.TypeJob:
		j, err := g.eng.Jobs(ctx, g.name, job.Config{})
		if told("open", err); err != nil {
			return
		}
		for _, end := range []func(*job.Claim) error{
			func(c *job.Claim) error { return c.Cancel(ctx, "why") }, func(c *job.Claim) error { return c.Stall(ctx, "why") },
			func(c *job.Claim) error { return c.Extend(ctx) }, func(c *job.Claim) error { return c.Finish(ctx, []byte("r")) },
			func(c *job.Claim) error { return c.Return(ctx) },
		} {
			id, err := j.Put(ctx, []byte("x"))
			told("put", err)
			c, err := j.TryGet(ctx)
			told("claim", err)
			if err == nil {
				told("end", end(c))
			}
			if id != "" {
				_, err = j.Info(ctx, id)
				told("info", err)
				told("retract", j.Retract(ctx, id))
			}
		}
		_, err = j.Counts(ctx)
		told("counts", err)
		_, err = j.RetryAll(ctx)
		told("retry all", err)
		for _, s := range []job.State{job.Available, job.Claimed, job.Delayed, job.Stalled, job.All} {
			for _, err := range j.IDs(ctx, s) {
				told("ids", err)
			}
		}
		_, err = j.Config(ctx)
		told("config", err)
	}
}

// What a peer may have written under a name. X is the name.
func hostileValues() map[string][][]any {
	values := map[string][][]any{}
	for _, n := range []string{"9223372036854775807", "-9223372036854775808", "99999999999999999999", "007", "-0", "1e9", "nan", "x\x00y", "\xff\xfe", ""} {
		values["counter "+n] = [][]any{{"SET", "feed.publishes:X", n}, {"SET", "feed.finishes:X", n}, {"SET", "feed.idincr:X", n}}
		values["failures "+n] = [][]any{{"HSET", "feed.cancelled:X", "mine", n}}
	}
	for _, n := range []string{"-1", "0", "1e9", "inf", "-inf", "nan", "0x10", " 5", "5 ", "99999999999999999999999999", "1.5", "x\x00", "\xff", strings.Repeat("9", 1<<20), strings.Repeat("x", 1<<20)} {
		set := []any{"HSET", "feed.config:X"}
		for _, field := range []string{"max_length", "score_unit", "timeout", "max_failures", "min_backoff", "max_backoff", "result_ttl", "notices", "paused", "title", "serializer"} {
			set = append(set, field, n)
		}
		values["config "+n[:min(len(n), 30)]] = [][]any{set}
	}
	for _, key := range []string{"ids", "items", "publishes", "idincr", "published", "claimed", "cancelled", "stalled", "running", "finishes", "retried",
		"claimants", "delayed", "errors", "progress", "waiters", "maintenance", "unaccounted"} {
		for kind, cmd := range map[string][]any{"string": {"SET", 0, "x"}, "list": {"RPUSH", 0, "x"}, "set": {"SADD", 0, "x"}, "hash": {"HSET", 0, "x", "y"}, "zset": {"ZADD", 0, 1, "x"}} {
			cmd = slices.Clone(cmd)
			cmd[1] = "feed." + key + ":X"
			values[key+" is a "+kind] = [][]any{{"DEL", cmd[1]}, cmd}
		}
	}
	odd := []string{"", "a\x00b", "\x00", "\xff\xfe\xfd", "a\r\nb", strings.Repeat("i", 4096), strings.Repeat("L", 10<<20)}
	var list, zset, hash, set []any
	for i, id := range odd {
		list, set = append(list, id), append(set, id)
		zset = append(zset, []any{"inf", "-inf", "1e300", "-1e300", "0", "1.5", "9e15"}[i], id)
		hash = append(hash, id, "item")
	}
	at := func(cmd, key string, args []any) []any { return append([]any{cmd, "feed." + key + ":X"}, args...) }
	values["odd ids in a list"] = [][]any{at("RPUSH", "ids", list), at("HSET", "items", hash)}
	values["odd ids without items"] = [][]any{at("RPUSH", "ids", list)}
	values["odd ids with scores"] = [][]any{at("ZADD", "ids", zset), at("HSET", "items", hash)}
	values["odd jobs"] = [][]any{at("HSET", "items", hash), at("ZADD", "claimed", zset), at("ZADD", "published", zset), at("HSET", "claimants", hash)}
	values["odd delays"] = [][]any{at("HSET", "items", hash), at("ZADD", "delayed", zset), at("SADD", "stalled", set), at("HSET", "errors", hash), at("HSET", "progress", hash)}
	return values
}

// Nothing that a peer leaves under a name makes a call hang, an engine end, or other
// names slow, and nothing that is refused has been done by half.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{Port: -1})
	eng := open(t, engine.Config{URL: srv.URL(), Lease: time.Second, CheckEvery: 250 * time.Millisecond})
	peer := redistest.Client(t, srv.URL())
	neighbour := watchNeighbour(t, eng)
	const slow = 2 * time.Second
	i, slowest := 0, time.Duration(0)
	for what, cmds := range hostileValues() {
		for _, kind := range []engine.Type{engine.TypeFeed, engine.TypeSorted, engine.TypeQueue, engine.TypeJob} {
			t.Run(fmt.Sprintf("%s, %q", kind, what), func(t *testing.T) {
				took := slow
				for try := 0; try < 3 && took >= slow; try++ { // a value is slow each time, a machine that stalls is not
					i++
					g := target{fmt.Sprintf("hostile.%d", i), peer, eng}
					require.NoError(t, eng.Create(t.Context(), g.name, kind, nil))
					for _, cmd := range cmds {
						cmd = slices.Clone(cmd)
						cmd[1] = strings.Replace(cmd[1].(string), "X", g.name, 1)
						_, _ = peer.DoErr(cmd...) // some do not fit others
					}
					g.use(t, kind)
					require.NoError(t, eng.Delete(t.Context(), g.name), "what a peer has left can be deleted")
					took = neighbour()
				}
				assert.Less(t, took, slow, "a neighbour's slowest call")
				slowest = max(slowest, took)
			})
		}
	}
	t.Logf("%d names with hostile values; a neighbour's slowest call took %v", i, slowest)
	seen := peer.Info("stats")["total_error_replies"]
	t.Logf("%s errors answered", seen)
}

// watchNeighbour publishes on another name all the time. The function it returns waits
// for the call under way, and tells how long the slowest one took since it was asked last.
func watchNeighbour(t *testing.T, eng *engine.Engine) func() time.Duration {
	t.Helper()
	f, err := eng.Feed(t.Context(), "neighbour", feed.Config{MaxLength: 100})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	slowest := make(chan time.Duration)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(slowest)
		most := time.Duration(0)
		for {
			begun := time.Now()
			_, err := f.Publish(ctx, []byte("x"))
			if ctx.Err() != nil || !assert.NoError(t, err) {
				return
			}
			most = max(most, time.Since(begun))
			select {
			case slowest <- most:
				most = 0
			default:
			}
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return func() time.Duration { return <-slowest }
}

// Values that make a part of a script fail: a job that was claimed is afterwards in one
// state, and a call that says that nothing ran has changed nothing.
func TestHostileJobs(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	eng := open(t, engine.Config{URL: srv.URL()})
	peer := redistest.Client(t, srv.URL())
	i := 0
	for what, cmds := range hostileValues() {
		i++
		name := fmt.Sprintf("hostile.%d", i)
		require.NoError(t, eng.Create(t.Context(), name, engine.TypeJob, nil))
		j, err := eng.Jobs(t.Context(), name, job.Config{})
		require.NoError(t, err)
		for op, end := range map[string]func(*job.Claim) error{
			"finish": func(c *job.Claim) error { return c.Finish(t.Context(), []byte("r")) },
			"cancel": func(c *job.Claim) error { return c.Cancel(t.Context(), "why") },
			"stall":  func(c *job.Claim) error { return c.Stall(t.Context(), "why") },
			"return": func(c *job.Claim) error { return c.Return(t.Context()) },
		} {
			peer.Do("SET", "feed.maintenance:"+name, "somebody", "PX", 600000) // so that nothing changes by itself
			_, err := j.Put(t.Context(), []byte("x"), job.PutOptions{ID: "mine", Priority: job.High})
			require.NoError(t, err, what)
			c, err := j.TryGet(t.Context())
			require.NoError(t, err, what)
			require.Equal(t, "mine", c.ID)
			for _, cmd := range cmds {
				cmd = slices.Clone(cmd)
				cmd[1] = strings.Replace(cmd[1].(string), "X", name, 1)
				_, _ = peer.DoErr(cmd...)
			}
			before := peer.Dump(name)
			if err := end(c); errors.Is(err, engine.ErrNotSent) {
				assert.Equal(t, before, peer.Dump(name), "%s with %q was refused (%v) and has changed something", op, what, err)
			}
			peer.Do("DEL", "feed.ids:"+name, "feed.items:"+name, "feed.claimed:"+name, "feed.claimants:"+name, "feed.publishes:"+name, "feed.finishes:"+name,
				"feed.published:"+name, "feed.cancelled:"+name, "feed.stalled:"+name, "feed.delayed:"+name, "feed.errors:"+name, "feed.progress:"+name)
			peer.Do("DEL", "feed.config:"+name)
			peer.Do("HSET", "feed.config:"+name, "type", "job")
		}
	}
}

// A million ids without items are passed over in bounded steps: each call of Redis is
// short, the one item behind them arrives, and others do not notice.
func TestMillionBogusIDs(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	eng := open(t, engine.Config{URL: srv.URL()})
	peer := redistest.Client(t, srv.URL())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fill := func(name string) {
		peer.Eval("for i = 1, 1000 do local t = {} for k = 1, 1000 do t[k] = i .. '-' .. k end redis.call('RPUSH', KEYS[1], unpack(t)) end", []string{"feed.ids:" + name})
	}
	q, err := eng.Queue(ctx, "bogus.queue", queue.Config{})
	require.NoError(t, err)
	_, err = q.Put(ctx, []byte("x"))
	require.NoError(t, err)
	fill("bogus.queue")
	j, err := eng.Jobs(ctx, "bogus.jobs", job.Config{})
	require.NoError(t, err)
	id, err := j.Put(ctx, []byte("x"))
	require.NoError(t, err)
	fill("bogus.jobs")
	peer.Do("CONFIG", "SET", "slowlog-log-slower-than", "2000000") // µs
	peer.Do("SLOWLOG", "RESET")
	neighbour := watchNeighbour(t, eng)
	begun := time.Now()
	it, err := q.Get(ctx)
	require.NoError(t, err)
	assert.Equal(t, "x", string(it.Body))
	var handled atomic.Int64
	require.NoError(t, eng.Handle(ctx, j, func(context.Context, *job.Claim) ([]byte, error) {
		handled.Add(1)
		return nil, nil
	}, pool.Options{Workers: 4}))
	_, err = j.Wait(ctx, id)
	require.True(t, err == nil || errors.Is(err, job.ErrNotFound), "%v", err)
	t.Logf("two million ids passed over in %v; a neighbour's slowest call took %v", time.Since(begun), neighbour())
	assert.Equal(t, int64(1), handled.Load())
	assert.Empty(t, peer.Do("SLOWLOG", "GET"), "calls of Redis above two seconds")
}

// Retracting many jobs at once walks a long list a bounded number of times a call.
func TestRetractOfManyAtOnce(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	eng := open(t, engine.Config{URL: srv.URL()})
	peer := redistest.Client(t, srv.URL())
	j, err := eng.Jobs(t.Context(), "long", job.Config{})
	require.NoError(t, err)
	peer.Eval("for i = 1, 300 do local t, h = {}, {} for k = 1, 1000 do t[k] = i .. '-' .. k h[2*k-1] = t[k] h[2*k] = '' end redis.call('RPUSH', KEYS[1], unpack(t)) redis.call('HSET', KEYS[2], unpack(h)) end",
		[]string{"feed.ids:long", "feed.items:long"})
	peer.Do("CONFIG", "RESETSTAT")
	errs := make(chan error, 128)
	for k := range cap(errs) {
		go func() { errs <- j.Retract(t.Context(), fmt.Sprintf("150-%d", k+1)) }()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	calls := func(command string) (n int) {
		_, _ = fmt.Sscanf(peer.Info("commandstats")["cmdstat_"+command], "calls=%d,", &n)
		return n
	}
	assert.Equal(t, cap(errs), calls("lrem"))
	assert.GreaterOrEqual(t, calls("evalsha")+calls("eval"), cap(errs)/3, "at most three walks along 300,000 elements a call")
	assert.Equal(t, int64(300000-cap(errs)), peer.Int("LLEN", "feed.ids:long"))
}

// A claim that a peer has dated far ahead does not hold its job for ever.
func TestClaimFromTheFuture(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	eng := open(t, engine.Config{URL: srv.URL(), Lease: time.Second})
	peer := redistest.Client(t, srv.URL())
	j, err := eng.Jobs(t.Context(), "future", job.Config{Timeout: time.Second})
	require.NoError(t, err)
	scores := []any{"inf", "1e300", math.MaxInt64, time.Now().UnixMicro(), "-inf", 1}
	for i, score := range scores {
		peer.Do("HSET", "feed.items:future", i, "x")
		peer.Do("ZADD", "feed.claimed:future", score, i)
	}
	var ran atomic.Int64
	require.NoError(t, eng.Handle(t.Context(), j, func(context.Context, *job.Claim) ([]byte, error) {
		ran.Add(1)
		return nil, nil
	}, pool.Options{}))
	redistest.Eventually(t, func() bool { return ran.Load() == int64(len(scores)) }, "all of them run")
}
