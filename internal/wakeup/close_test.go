package wakeup

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestCloseEndsBlockedPops(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{PerShard: 4})
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprint(redistest.Name(t), i))
			w.Arm(names[i], newBox(1))
		}
		blocked(t, w)
		require.NoError(t, w.Close(t.Context()))
		require.NoError(t, w.Close(t.Context()))
		for _, name := range names {
			put(peer, name, "1")
			require.Equal(t, []string{"1"}, list(peer, name))
		}
		b := newBox(1)
		w.Arm(names[0], b)
		w.Disarm(names[0], b)
		require.Equal(t, 0, w.Stats().Names)
		require.Equal(t, 0, w.Stats().Connections)
	})
}

func TestCloseUnused(t *testing.T) {
	t.Parallel()
	w := New(Config{})
	require.NoError(t, w.Close(t.Context()))
	w.Return("x", "1")
}

// TestCloseReturnsWhatWasPopped: the reply to the last pop is on its way.
func TestCloseReturnsWhatWasPopped(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	peer := redistest.Client(t, target.URL())
	proxy := redistest.NewProxy(t, target.URL())
	w := behindProxy(t, proxy, target, Config{})
	name, b := redistest.Name(t), newBox(1)
	armThrough(t, proxy, w, name, b)
	put(peer, name, "0")
	require.Equal(t, "0", b.next(t))
	armThrough(t, proxy, w, name, b)
	proxy.Hold() // perhaps before Redis has the pop: then it takes the id later
	put(peer, name, "2", "1")
	closed := make(chan error)
	go func() { closed <- w.Close(context.Background()) }()
	redistest.Eventually(t, func() bool { return w.Stats().Interrupts > 0 })
	require.Equal(t, 0, w.Stats().Names)
	proxy.Release()
	require.NoError(t, receive(t, closed))
	require.Empty(t, b.ids)
	redistest.Eventually(t, func() bool { return len(list(peer, name)) == 2 })
}

// TestCloseWhileRedisIsAway ends when its context does.
func TestCloseWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	for how, leave := range map[string]func(*redisserver.Server) error{
		"killed": (*redisserver.Server).Kill,
		"paused": (*redisserver.Server).Pause,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Private(t, redisserver.Options{})
			var checks atomic.Int32
			w := onServer(t, srv, Config{CheckEvery: time.Millisecond, Check: func(ctx context.Context, _ []string) ([]string, error) {
				checks.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			}})
			t.Cleanup(func() { _ = srv.Kill() }) // else the shared connection waits for it
			w.Arm("x", newBox(1))
			blocked(t, w)
			redistest.Eventually(t, func() bool { return checks.Load() > 0 })
			require.NoError(t, leave(srv))
			w.Return("y", "1")
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			require.ErrorIs(t, w.Close(ctx), context.DeadlineExceeded)
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
			require.NoError(t, w.Close(ctx)) // it has ended by now
		})
	}
}
