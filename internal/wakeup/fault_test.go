package wakeup

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// behindProxy is a Waker whose pops go through a proxy, and nothing else does.
func behindProxy(t testing.TB, proxy *redistest.Proxy, direct server, cfg Config) *Waker {
	t.Helper()
	cfg.Dial = dial(proxy)
	return onServer(t, direct, cfg)
}

// armThrough returns when the pop has come to the proxy.
func armThrough(t testing.TB, proxy *redistest.Proxy, w *Waker, name string, b *box) {
	t.Helper()
	before := proxy.Stats().Requests
	w.Arm(name, b)
	redistest.Eventually(t, func() bool { return proxy.Stats().Requests > before })
}

// everything suspects all names.
func everything(_ context.Context, names []string) ([]string, error) { return names, nil }

func TestConnectionIsCut(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	target.NeedReal(t)
	peer := redistest.Client(t, target.URL())
	proxy := redistest.NewProxy(t, target.URL())
	w := behindProxy(t, proxy, target, Config{Check: everything})
	name, b := redistest.Name(t), newBox(1)
	for i := range 5 {
		armThrough(t, proxy, w, name, b)
		proxy.Cut()
		receive(t, b.suspects) // a pop was under way
		redistest.Eventually(t, func() bool { return w.Stats().Reconnects == uint64(i+1) })
		require.Equal(t, 1, w.Stats().Connections)
		// Redis may give the first one to the old connection, before it sees its end.
		redistest.Eventually(t, func() bool { put(peer, name, "1"); return len(b.ids) > 0 })
		require.Equal(t, "1", b.next(t))
		peer.Do("DEL", contract.IDs.Of(name))
	}
	// A connection that is cut while it has nothing to do is no suspicion.
	redistest.Eventually(t, func() bool { return !popping(w, name) })
	for len(b.suspects) > 0 {
		<-b.suspects
	}
	require.NoError(t, w.Close(t.Context()))
	require.Empty(t, b.suspects)
}

func TestSwallowedReplyIsSuspected(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	target.NeedReal(t)
	peer := redistest.Client(t, target.URL())
	proxy := redistest.NewProxy(t, target.URL())
	name, other, b := redistest.Name(t), redistest.Name(t), newBox(1)
	w := behindProxy(t, proxy, target, Config{Check: func(_ context.Context, names []string) ([]string, error) {
		for _, n := range names {
			if n == name {
				return []string{name, "unknown"}, nil
			}
		}
		return nil, errors.New("not the shard's names")
	}})
	swallowed := proxy.SwallowNext([]byte(name))
	w.Arm(name, b)
	w.Arm(other, newBox(0))
	blocked(t, w)
	put(peer, name, "lost")
	receive(t, swallowed)
	receive(t, b.suspects)
	require.Empty(t, list(peer, name)) // nobody has it: maintenance brings it back
	put(peer, name, "lost")
	require.Equal(t, "lost", b.next(t))
}

func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	w := onServer(t, srv, Config{Check: everything})
	name, other, b := redistest.Name(t), redistest.Name(t), newBox(1)
	for range 2 {
		w.Arm(name, b)
		blocked(t, w)
		require.NoError(t, srv.Kill())
		w.Arm(other, b) // nothing waits for it
		w.Return(name, "1")
		require.NoError(t, srv.Restart(t.Context()))
		require.Equal(t, "1", b.next(t))
		w.Disarm(other, b)
	}
	require.NoError(t, w.Close(t.Context()))
	require.EqualValues(t, 2, w.Stats().Reconnects)
}

// TestHalfOpen has a connection that is open and answers nothing.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	target.NeedReal(t)
	peer := redistest.Client(t, target.URL())
	for by, cfg := range map[string]Config{
		"the pop's time limit":        {Timeout: 50 * time.Millisecond, grace: 100 * time.Millisecond},
		"an interrupt without effect": {},
	} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			held, open := redistest.NewProxy(t, target.URL()), redistest.NewProxy(t, target.URL())
			var dials atomic.Int32
			cfg.Check = everything
			cfg.Dial = func(ctx context.Context, key string) (radix.Conn, error) {
				if dials.Add(1) == 1 {
					return dial(held)(ctx, key)
				}
				return dial(open)(ctx, key)
			}
			w := onServer(t, target, cfg)
			name, other, b := redistest.Name(t), redistest.Name(t), newBox(1)
			armThrough(t, held, w, name, b)
			held.Hold()
			w.Arm(other, newBox(1))
			receive(t, b.suspects)
			held.Cut() // else Redis still serves it
			redistest.Eventually(t, func() bool { put(peer, name, "1"); return len(b.ids) > 0 })
			require.EqualValues(t, 1, w.Stats().Reconnects)
			require.NoError(t, w.Close(t.Context()))
		})
	}
}

func TestDialFails(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	peer := redistest.Client(t, target.URL())
	var dials atomic.Int32
	w := onServer(t, target, Config{Dial: func(ctx context.Context, key string) (radix.Conn, error) {
		if dials.Add(1) < 4 {
			return nil, errors.New("no")
		}
		return dial(target)(ctx, key)
	}})
	name, b := redistest.Name(t), newBox(1)
	put(peer, name, "1")
	w.Arm(name, b)
	require.Equal(t, "1", b.next(t))
	require.EqualValues(t, 4, dials.Load())
	require.Zero(t, w.Stats().Reconnects)
}

// TestInterruptsFail: the shared connections do not work for a while.
func TestInterruptsFail(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	peer := redistest.Client(t, target.URL())
	cfg := configured(t, target, target, Config{})
	do, fails := cfg.Do, atomic.Int32{}
	cfg.Do = func(ctx context.Context, a radix.Action) error {
		if fails.Add(1) < 4 {
			return errors.New("no")
		}
		return do(ctx, a)
	}
	w := onServer(t, target, cfg)
	name, b := redistest.Name(t), newBox(1)
	w.Arm(redistest.Name(t), newBox(0))
	blocked(t, w)
	put(peer, name, "1")
	w.Arm(name, b)
	require.Equal(t, "1", b.next(t))
}

// TestControlListIsDeleted: an interrupt that vanished is pushed again.
func TestControlListIsDeleted(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	peer := redistest.Client(t, target.URL())
	cfg := configured(t, target, target, Config{})
	do, first := cfg.Do, atomic.Bool{}
	cfg.Do = func(ctx context.Context, a radix.Action) error {
		if !first.Swap(true) {
			return nil
		}
		return do(ctx, a)
	}
	w := onServer(t, target, cfg)
	name, b := redistest.Name(t), newBox(1)
	w.Arm(redistest.Name(t), newBox(0))
	blocked(t, w)
	put(peer, name, "1")
	w.Arm(name, b)
	require.Equal(t, "1", b.next(t))
}

// TestKeyOfAnotherType: a name that was deleted and created as something else must
// not keep its neighbours from being popped.
func TestKeyOfAnotherType(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{})
		bad, good, a, b := redistest.Name(t), redistest.Name(t), newBox(1), newBox(1)
		peer.Do("ZADD", contract.IDs.Of(bad), 1, "x")
		w.Arm(bad, a)
		receive(t, a.suspects)
		w.Arm(good, b)
		for range 3 {
			put(peer, good, "1")
			require.Equal(t, "1", b.next(t))
			w.Arm(good, b)
		}
		w.Return(bad, "x") // given up
		redistest.Eventually(t, func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.returns) == 0 })
		peer.Do("DEL", contract.IDs.Of(bad))
		put(peer, bad, "2")
		require.Equal(t, "2", a.next(t))
	})
}

// TestKeyWithoutPermission: the same for a key that the user may not touch.
func TestKeyWithoutPermission(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	peer.Do("ACL", "SETUSER", "limited", "on", ">secret", "~feed.wake:*", "~feed.ids:good*",
		"+auth", "+ping", "+brpop", "+lpush", "+rpush", "+pexpire", "+type")
	w := onServer(t, at(strings.Replace(srv.URL(), "unix://", "unix://limited:secret@", 1)), Config{})
	a, b := newBox(1), newBox(1)
	w.Arm("bad", a)
	w.Arm("good", b)
	require.ErrorContains(t, receive(t, a.refused), "NOPERM")
	for range 3 {
		put(peer, "good", "1")
		require.Equal(t, "1", b.next(t))
		w.Arm("good", b)
	}
	require.Empty(t, b.refused)
	require.Zero(t, w.Stats().Reconnects)
}

type at string

func (url at) URL() string { return string(url) }

// TestTimeIsOver: pops that end without an id are just repeated.
func TestTimeIsOver(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	w := onServer(t, srv, Config{Timeout: 10 * time.Millisecond})
	b := newBox(1)
	w.Arm("x", b)
	redistest.Eventually(t, func() bool { return w.Stats().Pops > 5 })
	put(peer, "x", "1")
	require.Equal(t, "1", b.next(t))
	require.Zero(t, w.Stats().Reconnects)
}

// TestReplyOfReturnIsLost: it is pushed again, and may then be there twice.
func TestReplyOfReturnIsLost(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	peer := redistest.Client(t, target.URL())
	proxy := redistest.NewProxy(t, target.URL())
	w := New(configured(t, target, proxy, Config{}))
	name := redistest.Name(t)
	swallowed := proxy.SwallowNext([]byte("RPUSH"))
	w.Return(name, "a", "b")
	receive(t, swallowed)
	require.NoError(t, w.Close(t.Context()))
	require.Equal(t, "b a b a", strings.Join(list(peer, name), " "))
	require.EqualValues(t, 2, w.Stats().Returned)
}

// TestPopWithoutPermission: whoever waits is told which right is missing, whatever it
// is that may not be done.
func TestPopWithoutPermission(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	for lacks, says := range map[string]string{"-brpop": "'brpop'", "resetkeys ~feed.ids:*": "keys"} {
		args := []any{"ACL", "SETUSER", "limited", "reset", "on", ">secret", "~feed.*", "+ping", "+brpop", "+type"}
		for _, rule := range strings.Fields(lacks) {
			args = append(args, rule)
		}
		peer.Do(args...)
		w := onServer(t, at(strings.Replace(srv.URL(), "unix://", "unix://limited:secret@", 1)), Config{})
		a, b := newBox(1), newBox(1)
		w.Arm("one", a)
		w.Arm("two", b)
		for _, box := range []*box{a, b} {
			err := receive(t, box.refused)
			require.ErrorContains(t, err, "NOPERM")
			require.ErrorContains(t, err, says)
		}
		require.Zero(t, w.Stats().Reconnects)
	}
}
