package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// The queue goes away, or comes back as something else, under a handle: calls say
// so, and nothing is written.
func TestGoneUnderHandle(t *testing.T) {
	t.Parallel()
	calls := map[string]act{
		"put": func(ctx context.Context, b *bench) (string, error) { return b.Put(ctx, nil) },
		"put many": func(ctx context.Context, b *bench) (string, error) {
			_, err := b.PutMany(ctx, bodies("x y"))
			return "", err
		},
		"get":    get(1),
		"try":    tryGet,
		"peek":   peek(1),
		"length": length,
		"ids":    ids,
		"purge":  purge,
		"config": func(ctx context.Context, b *bench) (string, error) { _, err := b.Config(ctx); return "", err },
		"configure": func(ctx context.Context, b *bench) (string, error) {
			return "", b.Configure(ctx, queue.Config{Title: "T"})
		},
	}
	for what, g := range gone {
		for call, act := range calls {
			t.Run(what+"/"+call, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.seed(abc...)
				b.seed(g.how...)
				before := b.dump()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := act(ctx, b)
				require.ErrorIs(t, err, g.err)
				assert.NotErrorIs(t, err, engine.ErrOutcomeUnknown)
				assert.Contains(t, err.Error(), g.says)
				assert.Equal(t, before, b.dump(), "something was written")
			})
		}
	}
}

var gone = map[string]struct {
	how  []string
	err  error
	says string
}{
	"deleted by a peer":          {[]string{"SREM feeds X", "DEL feed.ids:X feed.items:X feed.config:X"}, engine.ErrNoSuchName, ""},
	"recreated as a feed":        {[]string{"DEL feed.ids:X feed.items:X", "HSET feed.config:X type feed", "ZADD feed.ids:X 1 f"}, engine.ErrWrongType, "it is a feed, not a queue"},
	"recreated as a sorted feed": {[]string{"DEL feed.ids:X feed.items:X", "HSET feed.config:X type sorted_feed", "HSET feed.items:X 1 one", "RPUSH feed.ids:X 1"}, engine.ErrWrongType, "it is a sorted_feed, not a queue"},
	"recreated as a job set":     {[]string{"DEL feed.ids:X feed.items:X", "HSET feed.config:X type job", "HSET feed.items:X j 1", "LPUSH feed.ids:X j"}, engine.ErrWrongType, "it is a job, not a queue"},
	"of a type nobody knows":     {[]string{"HSET feed.config:X type soup"}, engine.ErrWrongType, "not a queue"},
}

// The same while getters wait: they are told, by the next look at the latest, and
// what belongs to the new owner of the name stays where it was.
func TestGoneUnderGetters(t *testing.T) {
	t.Parallel()
	for what, g := range gone {
		if strings.HasPrefix(what, "of a type") {
			continue // what waits there is nobody's
		}
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			url := redistest.Shared(t).URL()
			b := benchOn(t, openEngine(t, engine.Config{URL: url, CheckEvery: 200 * time.Millisecond}), url)
			var getters []<-chan answer
			for range 3 {
				getters = append(getters, b.getter(t.Context(), 1))
			}
			redistest.Eventually(t, func() bool { return b.eng.Stats().Waker.Names == 1 }, "they wait")
			b.seed(g.how...)
			for _, got := range getters {
				a := receive(t, got)
				assert.ErrorIs(t, a.err, g.err)
				assert.Empty(t, a.items)
			}
			want := map[string]string{"recreated as a sorted feed": "1", "recreated as a job set": "j"}[what]
			if want != "" {
				redistest.Eventually(t, func() bool { return b.peer.String("LINDEX", "feed.ids:"+b.name, -1) == want }, "its id is still there")
				assert.Equal(t, int64(1), b.peer.Int("LLEN", "feed.ids:"+b.name))
			} else if what == "deleted by a peer" {
				redistest.Eventually(t, func() bool { return len(b.dump()) == 0 }, "nothing of it is left")
			}
		})
	}
}
