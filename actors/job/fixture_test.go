package job_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// A bench is a job set of its own name and a peer that works on its keys.
type bench struct {
	*job.Jobs
	t    testing.TB
	name string
	url  string // of the server, past any proxy
	eng  *engine.Engine
	peer *redistest.Raw
}

func newBench(t testing.TB, cfg job.Config) *bench {
	t.Helper()
	url := redistest.Shared(t).URL()
	return benchOn(t, openEngine(t, engine.Config{URL: url}), url, cfg)
}

// benchOn uses an engine that reaches the server at url, perhaps through a proxy.
func benchOn(t testing.TB, eng *engine.Engine, url string, cfg job.Config) *bench {
	t.Helper()
	name := redistest.Name(t)
	j, err := eng.Jobs(context.Background(), name, cfg)
	require.NoError(t, err)
	return &bench{Jobs: j, t: t, name: name, url: url, eng: eng, peer: redistest.Client(t, url)}
}

// newProxied is a job set whose engine reaches Redis through a proxy; the peer does
// not. Redis knows the scripts: a swallowed NOSCRIPT would test nothing.
func newProxied(t testing.TB, cfg job.Config, ecfg engine.Config) (*bench, *redistest.Proxy) {
	t.Helper()
	target := redistest.Shared(t)
	proxy := redistest.NewProxy(t, target.URL())
	ecfg.URL = proxy.URL()
	b := benchOn(t, openEngine(t, ecfg), target.URL(), cfg)
	for _, s := range job.Scripts() {
		b.peer.Do("SCRIPT", "LOAD", s.Source())
	}
	return b, proxy
}

func openEngine(t testing.TB, cfg engine.Config) *engine.Engine {
	t.Helper()
	if cfg.Connections == 0 {
		cfg.Connections = 1
	}
	eng, err := engine.Open(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { closeEngine(t, eng) })
	return eng
}

func closeEngine(t testing.TB, eng *engine.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := eng.Close(ctx); err != nil {
		t.Errorf("close the engine: %v", err)
	}
}

// another opens the same job set in a second engine on the server itself.
func (b *bench) another(cfg engine.Config) *bench {
	b.t.Helper()
	other := *b
	cfg.URL = b.url
	other.eng = openEngine(b.t, cfg)
	var err error
	other.Jobs, err = other.eng.Jobs(context.Background(), b.name, job.Config{})
	require.NoError(b.t, err)
	return &other
}

func (b *bench) handle(h job.Handler, o pool.Options, wrappers ...job.Middleware) {
	b.t.Helper()
	require.NoError(b.t, b.eng.Handle(context.Background(), b.Jobs, h, o, wrappers...))
}

// seed runs a peer's commands, one a line: words, in which X is the job set's name.
func (b *bench) seed(commands ...string) {
	b.t.Helper()
	for _, line := range commands {
		var args []any
		for _, word := range strings.Fields(line) {
			if word == "X" || strings.HasSuffix(word, ":X") {
				word = strings.TrimSuffix(word, "X") + b.name
			}
			args = append(args, word)
		}
		b.peer.Do(args...)
	}
}

// unattended has the job set not looked after, so that nothing changes by itself.
func (b *bench) unattended() *bench {
	b.seed("SET feed.maintenance:X somebody PX 600000")
	return b
}

// longAgo is when seeded jobs were put.
const longAgo = 1700000000000

// available has a peer put jobs, each with its id as the body.
func (b *bench) available(ids ...string) {
	b.t.Helper()
	for _, id := range ids {
		b.seed("LPUSH feed.ids:X "+id, "HSET feed.items:X "+id+" "+id,
			fmt.Sprintf("ZADD feed.published:X %d %s", longAgo, id))
	}
}

// seedMany puts jobs j00000, j00001, … as a peer does.
func (b *bench) seedMany(n int) {
	b.peer.Eval(`for i = 0, ARGV[1] - 1 do
		local id = string.format('j%05d', i)
		redis.call('LPUSH', KEYS[1], id)
		redis.call('HSET', KEYS[2], id, id)
		redis.call('ZADD', KEYS[3], '1700000000000', id)
	end`, []string{"feed.ids:" + b.name, "feed.items:" + b.name, "feed.published:" + b.name}, n)
}

// claim takes the next job, which has to be there.
func (b *bench) claim() *job.Claim {
	b.t.Helper()
	c, err := b.TryGet(context.Background())
	require.NoError(b.t, err)
	return c
}

func (b *bench) counts() job.Counts {
	b.t.Helper()
	c, err := b.Counts(context.Background())
	require.NoError(b.t, err)
	return c
}

func (b *bench) stats() job.Stats {
	b.t.Helper()
	s, err := b.Stats(context.Background())
	require.NoError(b.t, err)
	return s
}

var tokens = regexp.MustCompile(`^[0-9a-f]{32}:[0-9]{16}:([0-9]+)$`)

// state is all keys of the job set but those that engines keep beside it, a line
// each. Times that are about now are "now", a token is its lease in seconds.
func (b *bench) state() string {
	b.t.Helper()
	seconds, err := strconv.ParseFloat(b.peer.Strings("TIME")[0], 64)
	require.NoError(b.t, err)
	dump := b.peer.Dump(b.name)
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(dump)) {
		kind, rest, _ := strings.Cut(strings.TrimPrefix(key, "feed."), ":"+b.name)
		var words []string
		switch v := dump[key].(type) {
		case string:
			words = []string{v}
		case []string:
			words = v
		case map[string]string:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				value := v[k]
				if m := tokens.FindStringSubmatch(value); m != nil && kind == "claimants" {
					ms, _ := strconv.Atoi(m[1])
					value = (time.Duration(ms) * time.Millisecond).String()
				}
				if kind != "config" || k != "type" {
					words = append(words, k+"="+value)
				}
			}
		case []redistest.Scored:
			for _, s := range v {
				words = append(words, s.Member+"@"+when(s.Score-seconds*1000))
			}
			slices.Sort(words)
		}
		switch kind {
		case "taken", "taken.b", "done", "maintenance", "waiters":
			continue
		case "config":
			if len(words) == 0 {
				continue
			}
		}
		lines = append(lines, kind+rest+": "+strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}

// when is a time in ms from now.
func when(ms float64) string {
	switch {
	case math.Abs(ms) < 30e3:
		return "now"
	case ms < -1e10:
		return "long"
	default:
		return fmt.Sprintf("%+.0fm", ms/60e3)
	}
}

func (b *bench) record() *redistest.Recorder {
	b.t.Helper()
	n := b.name
	return redistest.Record(b.t, b.url, "job.finish:"+n, "job.ended:"+n, "job.progress:"+n, "feed.publishes:"+n,
		"feed.claimed:"+n, "feed.publish:"+n, "feed.retract:"+n, "feed.edit:"+n)
}

// said is what a recorder has got, without the name.
func said(t testing.TB, r *redistest.Recorder) string {
	t.Helper()
	var words []string
	for _, m := range r.Drain(t) {
		channel := m.Channel[:strings.IndexByte(m.Channel, ':')]
		words = append(words, channel+" "+strings.ReplaceAll(m.Payload, "\x00", "="))
	}
	return strings.Join(words, "\n")
}

// within waits for a channel to be closed, or to deliver.
func within[T any](t testing.TB, c <-chan T, what string, args ...any) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(15 * time.Second):
		assert.FailNow(t, "not within 15s: "+fmt.Sprintf(what, args...))
	}
	return v
}
