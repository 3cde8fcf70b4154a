package feed_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// A bench is a feed of its own name, a peer that looks at its keys, and a
// recorder of its messages.
type bench struct {
	*feed.Feed
	name string
	eng  *engine.Engine
	peer *redistest.Raw
	rec  *redistest.Recorder
}

func newBench(t testing.TB, cfg feed.Config) *bench {
	t.Helper()
	return benchOn(t, openEngine(t, engine.Config{URL: redistest.Shared(t).URL()}), redistest.Shared(t).URL(), cfg)
}

// benchOn uses an engine that reaches the server at url, perhaps through a proxy.
func benchOn(t testing.TB, eng *engine.Engine, url string, cfg feed.Config) *bench {
	t.Helper()
	name := redistest.Name(t)
	f, err := eng.Feed(context.Background(), name, cfg)
	require.NoError(t, err)
	return &bench{
		Feed: f, name: name, eng: eng,
		peer: redistest.Client(t, url),
		rec:  redistest.Record(t, url, "feed.publish:"+name, "feed.edit:"+name, "feed.retract:"+name),
	}
}

func openEngine(t testing.TB, cfg engine.Config) *engine.Engine {
	t.Helper()
	if cfg.Connections == 0 {
		cfg.Connections = 1
	}
	eng, err := engine.Open(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := eng.Close(ctx); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	return eng
}

// seed runs a peer's commands, one a line: words, in which X is the feed's name.
func (b *bench) seed(commands ...string) {
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

// state is what a feed's keys hold. IDs are in feed order, without their scores.
type state struct {
	ids       string
	items     map[string]string
	publishes string
	config    map[string]string
	others    []string // keys that a feed does not have
}

func (b *bench) state() (s state) {
	s.items = map[string]string{}
	for key, v := range b.peer.Dump(b.name) {
		switch key {
		case "feed.ids:" + b.name:
			var ids []string
			for _, m := range v.([]redistest.Scored) {
				ids = append(ids, m.Member)
			}
			s.ids = strings.Join(ids, " ")
		case "feed.items:" + b.name:
			s.items = v.(map[string]string)
		case "feed.publishes:" + b.name:
			s.publishes = v.(string)
		case "feed.config:" + b.name:
			s.config = v.(map[string]string)
		default:
			s.others = append(s.others, key)
		}
	}
	return s
}

// messages returns what was published since the last call: "publish a=1",
// "edit a=2", "retract a".
func (b *bench) messages(t testing.TB) []string {
	t.Helper()
	var list []string
	for _, m := range b.rec.Drain(t) {
		list = append(list, told(m))
	}
	return list
}

func told(m redistest.Message) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(m.Channel, "feed."), ":")
	return kind + " " + strings.Replace(m.Payload, "\x00", "=", 1)
}

// items makes "a=1 b=2" a list of items.
func items(text string) []feed.Item {
	var list []feed.Item
	for _, word := range strings.Fields(text) {
		id, body, _ := strings.Cut(word, "=")
		list = append(list, feed.Item{ID: id, Body: []byte(body)})
	}
	return list
}

// text is the opposite of items.
func text(list []feed.Item) string {
	var words []string
	for _, it := range list {
		words = append(words, fmt.Sprintf("%s=%s", it.ID, it.Body))
	}
	return strings.Join(words, " ")
}

// ids makes a list of ids out of a prefix and the numbers from 0.
func numbered(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%04d", prefix, i)
	}
	return list
}

func all(t testing.TB, f *feed.Feed) []feed.Item {
	t.Helper()
	var list []feed.Item
	for it, err := range f.All(context.Background()) {
		require.NoError(t, err)
		list = append(list, it)
	}
	return list
}
