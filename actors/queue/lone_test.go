package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// One getter alone, and nobody else who would give the queue's actor anything to do.
func TestLoneGetter(t *testing.T) {
	t.Parallel()
	t.Run("is woken by a peer", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		got := b.getter(t.Context(), 1)
		redistest.Eventually(t, func() bool { return b.eng.Stats().Waker.Names == 1 }, "it waits")
		b.seed("HSET feed.items:X a 1", "LPUSH feed.ids:X a")
		a := receive(t, got)
		require.NoError(t, a.err)
		assert.Equal(t, "1", text(a.items))
	})
	t.Run("leaves during its take", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		b.seedMany(5)
		b.leaveDuringTake(proxy, 1)
		redistest.Eventually(t, func() bool { return b.state().ids == five }, "the item is back")
	})
	t.Run("leaves during its take, and the engine closes", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		b.seedMany(5)
		b.leaveDuringTake(proxy, 1)
		closeEngine(t, b.eng)
		assert.Equal(t, five, b.state().ids)
	})
	t.Run("waits for an empty queue, and leaves", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := b.Get(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		b.seed("HSET feed.items:X a 1", "LPUSH feed.ids:X a")
		redistest.Eventually(t, func() bool { return b.eng.Stats().Waker.Names == 0 }, "nobody waits")
		redistest.Eventually(t, func() bool { return b.state().ids == "a" }, "the item is there")
	})
}
