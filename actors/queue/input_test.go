package queue_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// Everything that is wrong with an argument is found before anything is sent.
func TestBadInput(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	b := benchOn(t, openEngine(t, engine.Config{URL: target.URL(), MaxItem: 1000}), target.URL())
	large, long := make([]byte, 1001), strings.Repeat("n", 513)
	open := func(name string) act {
		return func(ctx context.Context, b *bench) (string, error) {
			_, err := b.eng.Queue(ctx, name, queue.Config{})
			return "", err
		}
	}
	configure := func(extra string) act {
		return func(ctx context.Context, b *bench) (string, error) {
			return "", b.Configure(ctx, queue.Config{Extra: map[string]string{extra: "1"}})
		}
	}
	tests := map[string]struct {
		act  act
		err  error
		says string
	}{
		"empty name":    {open(""), engine.ErrInvalidName, "empty"},
		"NUL in a name": {open("a\x00"), engine.ErrInvalidName, "NUL"},
		"long name":     {open(long), engine.ErrInvalidName, "512"},
		"large item":    {func(ctx context.Context, b *bench) (string, error) { return b.Put(ctx, large) }, engine.ErrItemTooLarge, "1000"},
		"large item of many": {func(ctx context.Context, b *bench) (string, error) {
			_, err := b.PutMany(ctx, [][]byte{nil, large})
			return "", err
		}, engine.ErrItemTooLarge, "item 1"},
		"get none":          {get(0), queue.ErrInvalidCount, "at least 1"},
		"get less":          {get(-1), queue.ErrInvalidCount, "-1"},
		"type as an extra":  {configure("type"), engine.ErrInvalidConfig, "type"},
		"title as an extra": {configure("title"), engine.ErrInvalidConfig, "title"},
		"nameless extra":    {configure(""), engine.ErrInvalidConfig, "without a name"},
		"ended context": {func(ctx context.Context, b *bench) (string, error) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err := b.Get(ctx)
			_, err2 := b.Put(ctx, nil)
			_, err3 := b.TryGet(ctx)
			_, err4 := b.GetUpTo(ctx, 3, time.Hour)
			if err2 == nil || err3 == nil || err4 == nil {
				err = nil
			}
			return "", errors.Join(err, err2, err3, err4)
		}, context.Canceled, ""},
	}
	before := b.dump()
	for name, tc := range tests {
		_, err := tc.act(t.Context(), b)
		assert.ErrorIs(t, err, tc.err, name)
		assert.ErrorIs(t, err, engine.ErrNotSent, name)
		assert.NotErrorIs(t, err, engine.ErrOutcomeUnknown, name)
		if err != nil {
			assert.Contains(t, err.Error(), tc.says, name)
		}
	}
	assert.Equal(t, before, b.dump())

	// Numbers that are too large for anything are just large.
	b.seed(abc...)
	items, err := b.Peek(t.Context(), math.MaxInt)
	require.NoError(t, err)
	assert.Equal(t, "1 2 3", text(items))
	items, err = b.GetUpTo(t.Context(), math.MaxInt, time.Millisecond)
	require.NoError(t, err)
	assert.Equal(t, "1 2 3", text(items))
	first, second := b.getter(t.Context(), 1), b.getter(t.Context(), math.MaxInt)
	b.seed(abc...)
	assert.Equal(t, "1", text(receive(t, first).items))
	assert.Equal(t, "2 3", text(receive(t, second).items))
}

// Configuration is stored as other types have it.
func TestConfig(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cfg := queue.Config{Title: "Mail", Serializer: "json", Extra: map[string]string{"colour": "red"}}
	require.NoError(t, b.Configure(t.Context(), cfg))
	got, err := b.Config(t.Context())
	require.NoError(t, err)
	assert.Equal(t, cfg, got)
	assert.Equal(t, map[string]string{"type": "queue", "title": "Mail", "serializer": "json", "colour": "red"}, b.state().config)

	require.NoError(t, b.Configure(t.Context(), queue.Config{Serializer: "xml"}))
	assert.Equal(t, map[string]string{"type": "queue", "serializer": "xml", "colour": "red"}, b.state().config, "a zero field goes, an extra one stays")

	// Opening it with something else changes nothing; opening it as something else fails.
	_, err = b.eng.Queue(t.Context(), b.name, queue.Config{Title: "Other"})
	require.NoError(t, err)
	assert.Empty(t, b.state().config["title"])
	b.seed("HSET feed.config:X type job")
	_, err = b.eng.Queue(t.Context(), b.name, queue.Config{})
	assert.ErrorIs(t, err, engine.ErrWrongType)
	assert.ErrorContains(t, err, "it is a job, not a queue")
}
