package wakeup

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// long is a timeout that no test waits for.
const long = time.Hour

// server is a redistest.Target, a redisserver.Server or a redistest.Proxy.
type server interface{ URL() string }

// onServer is a Waker whose connections, dedicated and shared, go to srv. Where cfg
// says nothing it never waits for a time limit.
func onServer(t testing.TB, srv server, cfg Config) *Waker {
	t.Helper()
	w := New(configured(t, srv, srv, cfg))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = w.Close(ctx)
	})
	return w
}

// configured fills cfg in: pops go to one server, other commands to another.
func configured(t testing.TB, pops, others server, cfg Config) Config {
	t.Helper()
	if cfg.Instance == "" {
		cfg.Instance = redistest.Name(t)
	}
	for _, d := range []*time.Duration{&cfg.Timeout, &cfg.CheckEvery, &cfg.Linger} {
		if *d == 0 {
			*d = long
		}
	}
	if cfg.Dial == nil {
		cfg.Dial = dial(pops)
	}
	if cfg.Do == nil {
		client, err := radix.PoolConfig{
			Size:   1,
			Dialer: radix.Dialer{CustomConn: func(ctx context.Context, _, _ string) (radix.Conn, error) { return dial(others)(ctx, "") }},
		}.New(context.Background(), "", "")
		require.NoError(t, err)
		t.Cleanup(func() { _ = client.Close() })
		cfg.Do = client.Do
	}
	return cfg
}

func dial(srv server) func(context.Context, string) (radix.Conn, error) {
	return func(ctx context.Context, _ string) (radix.Conn, error) {
		u, err := url.Parse(srv.URL())
		if err != nil {
			return nil, err
		}
		d := radix.Dialer{AuthUser: u.User.Username(), SelectDB: strings.Trim(u.Path, "/")}
		d.AuthPass, _ = u.User.Password()
		if u.Scheme == "unix" {
			d.SelectDB = u.Query().Get("db")
			return d.Dial(ctx, "unix", u.Path)
		}
		return d.Dial(ctx, "tcp", u.Host)
	}
}

// box is a Waiter with room for some ids.
type box struct {
	ids      chan string
	suspects chan struct{}
	refused  chan error
}

func newBox(room int) *box {
	return &box{make(chan string, room), make(chan struct{}, 100), make(chan error, 100)}
}

func (b *box) Wake(id string) bool {
	select {
	case b.ids <- id:
		return true
	default:
		return false
	}
}

func (b *box) Refused(err error) {
	select {
	case b.refused <- err:
	default:
	}
}

func (b *box) Suspect() {
	select {
	case b.suspects <- struct{}{}:
	default:
	}
}

func (b *box) next(t testing.TB) string {
	t.Helper()
	return receive(t, b.ids)
}

func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// put is what a peer does.
func put(peer *redistest.Raw, name string, ids ...any) {
	peer.Do(append([]any{"LPUSH", contract.IDs.Of(name)}, ids...)...)
}

func list(peer *redistest.Raw, name string) []string {
	return peer.Strings("LRANGE", contract.IDs.Of(name), 0, -1)
}

// onBoth runs a test on Redis and on the embedded server.
func onBoth(t *testing.T, test func(t *testing.T, srv server)) {
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, redistest.Shared(t))
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		srv, err := embedded.Start()
		require.NoError(t, err)
		t.Cleanup(func() { _ = srv.Close() })
		test(t, srv)
	})
}

func TestWake(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{})
		name, b := redistest.Name(t), newBox(1)
		put(peer, name, "early")
		w.Arm(name, b)
		require.Equal(t, "early", b.next(t))

		w.Arm(name, b)
		put(peer, name, "late")
		require.Equal(t, "late", b.next(t))

		w.Arm(name, b)
		peer.Eval("return redis.call('LPUSH', KEYS[1], 'script')", []string{contract.IDs.Of(name)})
		require.Equal(t, "script", b.next(t))

		put(peer, name, "nobody")
		require.Zero(t, w.Stats().Interrupts)
		require.Equal(t, []string{"nobody"}, list(peer, name))
	})
}

func TestNamesChangeWhileBlocked(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{})
		first, second := redistest.Name(t), redistest.Name(t)
		a, b := newBox(1), newBox(1)
		w.Arm(first, a)
		blocked(t, w)
		put(peer, second, "1")
		w.Arm(second, b)
		require.Equal(t, "1", b.next(t))
		put(peer, first, "2")
		require.Equal(t, "2", a.next(t))

		w.Arm(first, a)
		w.Arm(second, b)
		blocked(t, w)
		w.Disarm(first, a)
		redistest.Eventually(t, func() bool { return !popping(w, first) })
		put(peer, first, "3")
		put(peer, second, "4")
		require.Equal(t, "4", b.next(t))
		require.Equal(t, []string{"3"}, list(peer, first))
		require.Zero(t, w.Stats().Returned)
	})
}

// TestAnotherWaiter: a name that is made anew as another type is waited for by another
// actor. The first one is told, and cannot disarm it.
func TestAnotherWaiter(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		peer := redistest.Client(t, srv.URL())
		w := onServer(t, srv, Config{})
		name := redistest.Name(t)
		a, b := newBox(1), newBox(1)
		w.Arm(name, a)
		w.Arm(name, a)
		require.Empty(t, a.suspects)
		w.Arm(name, b)
		require.Len(t, a.suspects, 1)
		w.Disarm(name, a)
		require.Equal(t, 1, w.Stats().Names)
		put(peer, name, "1")
		require.Equal(t, "1", b.next(t))
		require.Empty(t, a.ids)
		require.Zero(t, w.Stats().Names)
	})
}

// blocked waits until every armed name is in a pop that was sent.
func blocked(t testing.TB, w *Waker) {
	t.Helper()
	redistest.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, sl := range w.slots {
			if sl.waiter != nil && !sl.popping() {
				return false
			}
		}
		return true
	})
}

func popping(w *Waker, name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	sl := w.slots[name]
	return sl != nil && sl.popping()
}
