package feed_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestConfigRoundTrip(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cfg    feed.Config
		stored map[string]string
	}{
		"zero": {feed.Config{}, map[string]string{"type": "feed"}},
		"all": {
			feed.Config{MaxLength: 7, Title: "T \x00 é", Serializer: "json", ScoreUnit: feed.Seconds, Extra: map[string]string{"a": "", "b": "2"}},
			map[string]string{"type": "feed", "max_length": "7", "title": "T \x00 é", "serializer": "json", "score_unit": "s", "a": "", "b": "2"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, tc.cfg)
			assert.Equal(t, tc.stored, b.state().config)
			got, err := b.Config(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tc.cfg, got)

			// Back to nothing: no field may stay with a value like "0" (contract 2).
			require.NoError(t, b.Configure(t.Context(), feed.Config{}))
			want := map[string]string{"type": "feed"}
			for k, v := range tc.cfg.Extra {
				want[k] = v
			}
			assert.Equal(t, want, b.state().config)
			require.NoError(t, b.Configure(t.Context(), tc.cfg))
			assert.Equal(t, tc.stored, b.state().config)
		})
	}
}

// A peer's max_length that is no bound for the scripts is none for readers.
func TestConfigOfPeers(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	for stored, want := range map[string]int{
		"10": 10, "007": 7, "0": 0, "-1": 0, "x": 0, "": 0, "1.5": 0, "1e3": 0, "+5": 0, " 5": 0, "0x10": 0, "inf": 0,
	} {
		b.peer.Do("HSET", "feed.config:"+b.name, "max_length", stored)
		cfg, err := b.Config(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, cfg.MaxLength, "%q", stored)
	}
}

// Opening an existing feed leaves its configuration alone (contract 2).
func TestOpenExisting(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{MaxLength: 3})
	b.seed(abc...)
	before := b.peer.Dump(b.name)
	names := redistest.Record(t, redistest.Shared(t).URL(), "newfeed", "delfeed", "conffeed")
	f, err := b.eng.Feed(t.Context(), b.name, feed.Config{MaxLength: 1, Title: "other"})
	require.NoError(t, err)
	assert.Equal(t, b.name, f.Name())
	assert.Equal(t, before, b.peer.Dump(b.name))
	for _, m := range names.Drain(t) {
		assert.NotContains(t, m.Payload, b.name)
	}
}

// What peers left behind when they deleted a name does not come back (contract 2).
func TestOpenOverLeftovers(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	b.seed(abc...)
	b.seed("SREM feeds X", "HSET feed.config:X max_length 2 old field", "SET feed.publishes:X 12",
		"RPUSH feed.claimed:X one", "SADD feed.stalled:X two")
	if redistest.Shared(t).Cluster() {
		b.seed("HDEL feed.config:X type") // there it says that a name exists
	}
	f, err := b.eng.Feed(t.Context(), b.name, feed.Config{Title: "T"})
	require.NoError(t, err)
	assert.Equal(t, state{items: map[string]string{}, config: map[string]string{"type": "feed", "title": "T"}}, b.state())
	n, err := f.Len(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n)
}

// A peer that died between its two steps left a member without a type: it gets
// one, or it would hang a starting thoonk.py listener (contract 2).
func TestOpenHalfCreated(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	b.seed("DEL feed.config:X")
	assert.ErrorIs(t, b.PublishAs(t.Context(), "a", nil), engine.ErrNoSuchName)
	f, err := b.eng.Feed(t.Context(), b.name, feed.Config{MaxLength: 5})
	require.NoError(t, err)
	require.NoError(t, f.PublishAs(t.Context(), "a", nil))
	assert.Equal(t, "feed", b.state().config["type"])
}

// The three types that are not feeds, and what a foreign key does to creating.
func TestOpenRefused(t *testing.T) {
	t.Parallel()
	eng := openEngine(t, engine.Config{URL: redistest.Shared(t).URL()})
	peer := redistest.Client(t, redistest.Shared(t).URL())
	for _, typ := range []engine.Type{engine.TypeQueue, engine.TypeSorted, engine.TypeJob} {
		name := redistest.Name(t)
		require.NoError(t, eng.Create(t.Context(), name, typ, nil))
		before := peer.Dump(name)
		_, err := eng.Feed(t.Context(), name, feed.Config{})
		require.ErrorIs(t, err, engine.ErrWrongType)
		assert.Contains(t, err.Error(), "it is a "+string(typ)+", not a feed")
		assert.Equal(t, before, peer.Dump(name))
	}
	name := redistest.Name(t)
	peer.Do("SET", "feed.config:"+name, "text")
	peer.Do("SADD", "feeds", name)
	_, err := eng.Feed(t.Context(), name, feed.Config{})
	var refused *engine.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.Contains(t, err.Error(), "WRONGTYPE")
	assert.Equal(t, map[string]any{"feed.config:" + name: "text"}, peer.Dump(name))

	// Of a name that does not exist it is a leftover, as others are. In a cluster the key is what says that the name exists
	// (contract 8), whatever it holds.
	if redistest.Shared(t).Cluster() {
		require.NoError(t, eng.Delete(t.Context(), name))
	} else {
		peer.Do("SREM", "feeds", name)
	}
	_, err = eng.Feed(t.Context(), name, feed.Config{})
	require.NoError(t, err)
	assert.Equal(t, "feed", peer.String("HGET", "feed.config:"+name, "type"))
}
