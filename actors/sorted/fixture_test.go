package sorted_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// A bench is a sorted feed of its own name, a peer that looks at its keys, and a
// recorder of its messages.
type bench struct {
	*sorted.Sorted
	name string
	eng  *engine.Engine
	peer *redistest.Raw
	rec  *redistest.Recorder
}

func newBench(t testing.TB) *bench {
	t.Helper()
	url := redistest.Shared(t).URL()
	return benchOn(t, openEngine(t, url), url)
}

// benchOn uses an engine that reaches the server at url, perhaps through a proxy.
func benchOn(t testing.TB, eng *engine.Engine, url string) *bench {
	t.Helper()
	name := redistest.Name(t)
	s, err := eng.Sorted(context.Background(), name, sorted.Config{})
	require.NoError(t, err)
	return &bench{
		Sorted: s, name: name, eng: eng,
		peer: redistest.Client(t, url),
		rec: redistest.Record(t, url, "feed.publish:"+name, "feed.edit:"+name,
			"feed.position:"+name, "feed.retract:"+name),
	}
}

func openEngine(t testing.TB, url string) *engine.Engine {
	t.Helper()
	eng, err := engine.Open(context.Background(), engine.Config{URL: url, Connections: 1})
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

// seed runs a peer's commands, one a line: words, in which X is the name and _ is
// a NUL byte.
func (b *bench) seed(commands ...string) {
	b.peer.Pipeline(b.commands(commands)...)
}

func (b *bench) commands(lines []string) [][]any {
	var list [][]any
	for _, line := range lines {
		var args []any
		for _, word := range strings.Fields(line) {
			word = strings.ReplaceAll(word, "_", "\x00")
			if word == "X" || strings.HasSuffix(word, ":X") {
				word = strings.TrimSuffix(word, "X") + b.name
			}
			args = append(args, word)
		}
		list = append(list, args)
	}
	return list
}

// state is what a sorted feed's keys hold.
type state struct {
	ids       string // in order
	items     string // by id: "1=a 2=b"
	publishes string
	idincr    string
	others    []string // any further keys
}

func (b *bench) state() (s state) {
	for key, v := range b.peer.Dump(b.name) {
		switch key {
		case "feed.ids:" + b.name:
			s.ids = strings.Join(v.([]string), " ")
		case "feed.items:" + b.name:
			s.items = pairs(v.(map[string]string))
		case "feed.publishes:" + b.name:
			s.publishes = v.(string)
		case "feed.idincr:" + b.name:
			s.idincr = v.(string)
		case "feed.config:" + b.name:
		default:
			if strings.HasPrefix(key, "feed.answers:"+b.name+":") {
				continue // the engine's own: what its commands were told
			}
			s.others = append(s.others, key)
		}
	}
	return s
}

// messages returns what was published since the last call, as told shows it.
func (b *bench) messages(t testing.TB) []string {
	t.Helper()
	list := []string{}
	for _, m := range b.rec.Drain(t) {
		list = append(list, told(m))
	}
	return list
}

// told shows a message: "publish 1=a", "position 1=:end", "retract 1".
func told(m redistest.Message) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(m.Channel, "feed."), ":")
	return kind + " " + strings.Replace(m.Payload, "\x00", "=", 1)
}

// event shows an event: "published 4=b before 2", "moved 1 last", "retracted 1".
func event(e sorted.Event) string {
	text := e.Kind.String()
	if e.ID != "" {
		text += " " + e.ID
	}
	if e.Body != nil {
		text += "=" + string(e.Body)
	}
	if e.Kind == sorted.Published || e.Kind == sorted.Moved {
		text += " " + e.Position.String()
	}
	return text
}

// next returns the next n events.
func next(t testing.TB, sub *sorted.Subscription, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	list := make([]string, n)
	for i := range list {
		e, err := sub.Next(ctx)
		require.NoError(t, err, "event %d, after %q", i, list[:i])
		list[i] = event(e)
	}
	return list
}

func follow(t testing.TB, s *sorted.Sorted, opts sorted.FollowOptions) *sorted.Subscription {
	t.Helper()
	sub, err := s.Follow(context.Background(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sub.Close()) })
	return sub
}

// all returns what All yields: "1=a 2=b".
func all(t testing.TB, s *sorted.Sorted) string {
	t.Helper()
	var words []string
	for it, err := range s.All(context.Background()) {
		require.NoError(t, err)
		words = append(words, fmt.Sprintf("%s=%s", it.ID, it.Body))
	}
	return strings.Join(words, " ")
}
