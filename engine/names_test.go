package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// The life of a name of each type: keys, messages and answers at each step.
func TestLifeOfAName(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	eng := open(t, engine.Config{URL: url})
	peer := redistest.Client(t, url)
	ctx := t.Context()
	for _, typ := range []engine.Type{engine.TypeFeed, engine.TypeSorted, engine.TypeQueue, engine.TypeJob} {
		name := redistest.Name(t)
		rec := redistest.Record(t, url, "newfeed", "conffeed", "delfeed")
		instance := ""
		messages := func() string {
			var list []string
			for _, m := range rec.Drain(t) {
				n, i, _ := strings.Cut(m.Payload, "\x00")
				if n != name {
					continue // another test's
				}
				assert.Len(t, i, 32)
				assert.True(t, instance == "" || instance == i, "one instance per engine")
				assert.Equal(t, 1, strings.Count(m.Payload, "\x00"), "exactly one NUL (contract 2)")
				instance = i
				list = append(list, m.Channel)
			}
			return strings.Join(list, " ")
		}
		exists := func() (bool, engine.Type) {
			there, typ, err := eng.Exists(ctx, name)
			require.NoError(t, err)
			return there, typ
		}

		there, _ := exists()
		assert.False(t, there)
		_, err := eng.Fields(ctx, name)
		assert.ErrorIs(t, err, engine.ErrNoSuchName)
		assert.ErrorIs(t, eng.Configure(ctx, name, map[string]string{"a": "1"}), engine.ErrNoSuchName)
		assert.ErrorIs(t, eng.Delete(ctx, name), engine.ErrNoSuchName)
		assert.Empty(t, messages())
		assert.Empty(t, peer.Dump(name))

		require.NoError(t, eng.Create(ctx, name, typ, map[string]string{"title": "T", "max_length": "5"}))
		assert.Equal(t, "newfeed conffeed", messages())
		want := map[string]string{"type": string(typ), "title": "T", "max_length": "5"}
		fields, err := eng.Fields(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, want, fields)
		there, got := exists()
		assert.True(t, there)
		assert.Equal(t, typ, got)

		for _, again := range []engine.Type{engine.TypeFeed, engine.TypeQueue} {
			err = eng.Create(ctx, name, again, map[string]string{"title": "U"})
			assert.ErrorIs(t, err, engine.ErrExists)
			assert.Contains(t, err.Error(), string(typ))
		}
		assert.Empty(t, messages())

		require.NoError(t, eng.Configure(ctx, name, map[string]string{"title": "", "x": "y"}, "max_length", "nothing"))
		assert.Equal(t, "conffeed", messages())
		assert.ErrorIs(t, eng.Configure(ctx, name, nil, "type"), engine.ErrInvalidConfig)
		assert.ErrorIs(t, eng.Configure(ctx, name, map[string]string{"type": "job"}), engine.ErrInvalidConfig)
		assert.Empty(t, messages())
		fields, err = eng.Fields(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"type": string(typ), "title": "", "x": "y"}, fields)

		// Every key that a name can have goes with it, whatever it holds (contract 7).
		for _, k := range contract.Owned {
			peer.Do("SET", k.Of(name), "x")
		}
		require.NoError(t, eng.Delete(ctx, name))
		assert.Equal(t, "delfeed", messages())
		assert.Empty(t, peer.Dump(name))
		assert.Equal(t, int64(0), peer.Int("SISMEMBER", "feeds", name))
		assert.ErrorIs(t, eng.Delete(ctx, name), engine.ErrNoSuchName)
	}
}

func TestManyNames(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	eng := open(t, engine.Config{URL: url})
	peer := redistest.Client(t, url)
	prefix := redistest.Name(t)
	want := map[string]int{}
	args := []any{"SADD", "feeds"}
	for i := range 5000 {
		name := fmt.Sprintf("%s-%d", prefix, i)
		want[name] = 1
		args = append(args, name)
	}
	peer.Do(args...)
	t.Cleanup(func() { peer.Do(append([]any{"SREM"}, args[1:]...)...) })
	got := map[string]int{}
	for name, err := range eng.Names(t.Context()) {
		require.NoError(t, err)
		if strings.HasPrefix(name, prefix) {
			got[name]++
		}
	}
	assert.Equal(t, want, got, "each once")
	n := 0
	for range eng.Names(t.Context()) {
		if n++; n == 3 {
			break
		}
	}
	assert.Equal(t, 3, n)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range eng.Names(ctx) {
		assert.ErrorIs(t, err, context.Canceled)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	eng := open(t, engine.Config{URL: url})
	name := redistest.Name(t)
	w, err := eng.Watch(t.Context())
	require.NoError(t, err)
	next := func() engine.NameEvent {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for {
			e, err := w.Next(ctx)
			require.NoError(t, err)
			if e.Name == name {
				return e
			}
		}
	}
	f, err := eng.Feed(t.Context(), name, feed.Config{})
	require.NoError(t, err)
	require.NoError(t, f.Configure(t.Context(), feed.Config{Title: "T"}))
	require.NoError(t, eng.Delete(t.Context(), name))
	for _, want := range []engine.NameEventKind{engine.NameCreated, engine.NameConfigured, engine.NameConfigured, engine.NameDeleted} {
		e := next()
		assert.Equal(t, want, e.Kind)
		assert.Len(t, e.Instance, 32)
		assert.Equal(t, eng.Instance(), e.Instance)
	}
	// Peers' payloads, also those without an instance.
	redistest.Client(t, url).Do("PUBLISH", "newfeed", name)
	assert.Equal(t, engine.NameEvent{Kind: engine.NameCreated, Name: name}, next())

	require.NoError(t, w.Close())
	require.NoError(t, w.Close())
	_, err = w.Next(t.Context())
	assert.ErrorIs(t, err, pubsubhub.ErrClosed)
	for range w.Events() {
		t.Error("an event after Close")
	}
}
