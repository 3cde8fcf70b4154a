package queue_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A bench is a queue of its own name and a peer that works on its keys.
type bench struct {
	*queue.Queue
	t    testing.TB
	name string
	url  string // of the server, past any proxy
	eng  *engine.Engine
	peer *redistest.Raw
}

func newBench(t testing.TB) *bench {
	t.Helper()
	url := redistest.Shared(t).URL()
	return benchOn(t, openEngine(t, engine.Config{URL: url}), url)
}

// benchOn uses an engine that reaches the server at url, perhaps through a proxy.
func benchOn(t testing.TB, eng *engine.Engine, url string) *bench {
	t.Helper()
	name := redistest.Name(t)
	q, err := eng.Queue(context.Background(), name, queue.Config{})
	require.NoError(t, err)
	return &bench{Queue: q, t: t, name: name, url: url, eng: eng, peer: redistest.Client(t, url)}
}

// newProxied is a queue whose engine reaches Redis through a proxy; the peer does
// not. Redis knows the scripts: a swallowed NOSCRIPT would test nothing.
func newProxied(t testing.TB, cfg engine.Config) (*bench, *redistest.Proxy) {
	t.Helper()
	target := redistest.Shared(t)
	proxy := redistest.NewProxy(t, target.URL())
	cfg.URL = proxy.URL()
	b := benchOn(t, openEngine(t, cfg), target.URL())
	b.load()
	return b, proxy
}

// load makes Redis know the scripts.
func (b *bench) load() {
	for _, s := range queue.Scripts() {
		b.peer.Do("SCRIPT", "LOAD", s.Source())
	}
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

// another opens the same queue in a second engine on the server itself.
func (b *bench) another() *bench {
	b.t.Helper()
	other := *b
	other.eng = openEngine(b.t, engine.Config{URL: b.url})
	var err error
	other.Queue, err = other.eng.Queue(context.Background(), b.name, queue.Config{})
	require.NoError(b.t, err)
	return &other
}

// seed runs a peer's commands, one a line: words, in which X is the queue's name.
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

// seedMany puts n items i00000=0, i00001=1, … as a peer does.
func (b *bench) seedMany(n int) {
	b.peer.Eval(`for i = 0, ARGV[1] - 1 do
		local id = string.format('i%05d', i)
		redis.call('LPUSH', KEYS[1], id)
		redis.call('HSET', KEYS[2], id, i)
	end`, []string{"feed.ids:" + b.name, "feed.items:" + b.name}, n)
}

// state is what a queue's keys hold. IDs begin with the one that is next.
type state struct {
	ids       string
	items     string // sorted
	publishes string
	config    map[string]string
	others    []string // keys that a queue does not have
}

func (b *bench) state() (s state) {
	b.t.Helper()
	for key, v := range b.peer.Dump(b.name) {
		switch {
		case key == "feed.ids:"+b.name:
			ids := v.([]string)
			slices.Reverse(ids)
			s.ids = strings.Join(ids, " ")
		case key == "feed.items:"+b.name:
			items := v.(map[string]string)
			var words []string
			for _, id := range slices.Sorted(maps.Keys(items)) {
				words = append(words, id+"="+items[id])
			}
			s.items = strings.Join(words, " ")
		case key == "feed.publishes:"+b.name:
			s.publishes = v.(string)
		case key == "feed.config:"+b.name:
			s.config = v.(map[string]string)
		case own(key, b.name):
		default:
			s.others = append(s.others, key)
		}
	}
	return s
}

// own reports whether the key is one that an engine keeps beside a queue.
func own(key, name string) bool {
	for _, k := range []string{"feed.taken:", "feed.taken.b:", "feed.done:"} {
		if strings.HasPrefix(key, k+name+":") {
			return true
		}
	}
	return false
}

// dump is all keys of the queue but those that engines keep beside it.
func (b *bench) dump() map[string]any {
	b.t.Helper()
	all := b.peer.Dump(b.name)
	maps.DeleteFunc(all, func(key string, _ any) bool { return own(key, b.name) })
	return all
}

// named is a script as it appears in a request.
func named(s *wire.Script) []byte { return []byte(s.SHA()) }

// bodies makes a list of bodies out of words.
func bodies(text string) (list [][]byte) {
	for _, word := range strings.Fields(text) {
		list = append(list, []byte(word))
	}
	return list
}

// text joins the bodies of items.
func text(items []queue.Item) string {
	var words []string
	for _, it := range items {
		words = append(words, string(it.Body))
	}
	return strings.Join(words, " ")
}

// take takes up to n items, and fails unless that ends within ten seconds.
func (b *bench) take(n int) []queue.Item {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	items, err := b.GetUpTo(ctx, n, 0)
	require.NoError(b.t, err)
	return items
}

// drain takes what is there without waiting.
func (b *bench) drain() (items []queue.Item) {
	b.t.Helper()
	for {
		it, err := b.TryGet(context.Background())
		if err != nil {
			require.ErrorIs(b.t, err, queue.ErrEmpty)
			return items
		}
		items = append(items, it)
	}
}

// An answer is what a getter brought home.
type answer struct {
	items []queue.Item
	err   error
}

// getter sends a getter and returns when it is in line.
func (b *bench) getter(ctx context.Context, n int) <-chan answer {
	b.t.Helper()
	wait, err := b.Line(ctx, n)
	require.NoError(b.t, err)
	got := make(chan answer, 1)
	go func() {
		items, err := wait(ctx)
		got <- answer{items, err}
	}()
	return got
}

// receive reads the answer of a getter.
func receive(t testing.TB, got <-chan answer) answer {
	t.Helper()
	select {
	case a := <-got:
		return a
	case <-time.After(15 * time.Second):
		t.Fatal("a getter got no answer")
		return answer{}
	}
}

// within waits for a channel to be closed.
func within(t testing.TB, done <-chan struct{}, what string, args ...any) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		t.Fatalf("not within 15s: %s", fmt.Sprintf(what, args...))
	}
}
