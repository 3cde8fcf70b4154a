package pubsubhub

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/require"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// server is a redistest.Target, a redisserver.Server or a redistest.Proxy.
type server interface {
	Addr() (network, addr string)
	URL() string
}

// onRedis is a hub on a server that has no password.
func onRedis(t testing.TB, srv server, cfg Config) *Hub {
	network, addr := srv.Addr()
	if cfg.Dial == nil {
		cfg.Dial = dial(network, addr, "")
	}
	h := New(cfg)
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func dial(network, addr, protocol string) func(context.Context) (radix.Conn, error) {
	return func(ctx context.Context) (radix.Conn, error) {
		return radix.Dialer{Protocol: protocol}.Dial(ctx, network, addr)
	}
}

func follow(t testing.TB, h *Hub, opts Options) *Subscription {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := h.Subscribe(ctx, opts)
	require.NoError(t, err)
	return s
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"", "3"} {
		t.Run("protocol="+protocol, func(t *testing.T) { testPayloads(t, protocol) })
	}
}

func testPayloads(t *testing.T, protocol string) {
	target := redistest.Shared(t)
	name := redistest.Name(t)
	network, addr := target.Addr()
	h := onRedis(t, target, Config{Dial: dial(network, addr, protocol)})
	s := follow(t, h, Options{Channels: []string{name}, Patterns: []string{name + "*"}})
	peer := redistest.Client(t, target.URL())
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, payload := range []string{"", "\r\n", string(all), strings.Repeat("x", 3*readSize)} {
		require.EqualValues(t, 2, peer.Int("PUBLISH", name, payload))
		for range 2 {
			e, err := s.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, name, e.Channel)
			require.True(t, payload == string(e.Payload))
		}
	}
}

func TestHugePayload(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{Args: []string{"--client-output-buffer-limit", "pubsub 0 0 0"}})
	h := onRedis(t, srv, Config{})
	s := follow(t, h, Options{Channels: []string{"a"}})
	peer := redistest.Client(t, srv.URL())
	huge := strings.Repeat("0123456789abcdef", 4<<20)
	peer.Do("PUBLISH", "a", huge)
	peer.Do("PUBLISH", "a", "small")
	e, err := s.Next(t.Context())
	require.NoError(t, err)
	require.True(t, huge == string(e.Payload))
	require.Equal(t, []string{"small"}, next(t, s, 1))
}

func TestThousandsOfChannels(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	h := onRedis(t, srv, Config{Linger: -1})
	peer := redistest.Client(t, srv.URL())
	all := names("c", 10_000)
	var subs [3]*Subscription
	var wg sync.WaitGroup
	for i := range subs {
		wg.Go(func() { subs[i] = follow(t, h, Options{Channels: all, Patterns: []string{"p*"}}) })
	}
	wg.Wait()
	require.Len(t, peer.Do("PUBSUB", "CHANNELS"), 10_000)
	require.EqualValues(t, 2, peer.Int("CLIENT", "KILL", "TYPE", "pubsub")+1)
	for _, s := range subs {
		require.Equal(t, []string{"reconnected 0"}, next(t, s, 1))
	}
	peer.Do("PUBLISH", all[9999], "1")
	for _, s := range subs {
		require.Equal(t, []string{"1"}, next(t, s, 1))
		s.Close()
	}
	redistest.Eventually(t, func() bool {
		return h.Stats() == Stats{Reconnects: 1, Messages: 1, Delivered: 3}
	}, "the connection is closed after the last subscription")
	redistest.Eventually(t, func() bool { return len(peer.Do("PUBSUB", "CHANNELS").([]any)) == 0 }, "nothing stays subscribed")
}

func TestServerKilled(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	h := onRedis(t, srv, Config{})
	s := follow(t, h, Options{Channels: []string{"a"}})
	redistest.Client(t, srv.URL()).Do("PUBLISH", "a", "before")
	require.Equal(t, []string{"before"}, next(t, s, 1))
	require.NoError(t, srv.Kill())
	late := make(chan *Subscription)
	go func() { // in an outage Subscribe waits
		s, err := h.Subscribe(t.Context(), Options{Channels: []string{"b"}})
		if err != nil {
			t.Error(err)
		}
		late <- s
	}()
	redistest.Eventually(t, func() bool { return !h.Stats().Connected }, "the hub notices")
	require.NoError(t, srv.Restart(t.Context()))
	require.Equal(t, []string{"reconnected 0"}, next(t, s, 1))
	peer := redistest.Client(t, srv.URL())
	l := <-late
	peer.Do("PUBLISH", "a", "after")
	peer.Do("PUBLISH", "b", "late")
	require.Equal(t, []string{"after"}, next(t, s, 1))
	require.Equal(t, []string{"late"}, next(t, l, 1))
}

// A peer that stops reading is cut by Redis. Here the hub is kept from reading by a filter that blocks.
func TestOutputBufferLimit(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{Args: []string{"--client-output-buffer-limit", "pubsub 1mb 1mb 1"}})
	h := onRedis(t, srv, Config{})
	blocked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := follow(t, h, Options{Channels: []string{"a"}, Filter: func(Message) bool {
		once.Do(func() { close(blocked); <-release })
		return true
	}})
	peer := redistest.Client(t, srv.URL())
	peer.Do("PUBLISH", "a", "first")
	<-blocked
	for body := strings.Repeat("x", 64<<10); peer.Int("PUBLISH", "a", body) > 0; {
	}
	close(release)
	seen := false
	for !seen {
		e, err := s.Next(t.Context())
		require.NoError(t, err)
		seen = e.Kind == KindReconnected
	}
	peer.Do("PUBLISH", "a", "after")
	require.Equal(t, []string{"after"}, next(t, s, 1))
}

func TestACL(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	peer.Do("ACL", "SETUSER", "default", "resetchannels", "&ok.*", "&feed.probe:*")
	admin := redistest.Client(t, srv.URL()) // keeps its rights: the rest of them
	h := onRedis(t, srv, Config{Publish: func(context.Context, string, string) error { return nil }})
	other := follow(t, h, Options{Channels: []string{"ok.1"}})
	mixed := append(names("ok.", 2000), "forbidden")
	_, err := h.Subscribe(t.Context(), Options{Channels: mixed})
	require.ErrorIs(t, err, ErrRefused)
	require.ErrorContains(t, err, `"forbidden": NOPERM`)
	_, err = h.Subscribe(t.Context(), Options{Patterns: []string{"*"}})
	require.ErrorIs(t, err, ErrRefused)
	admin.Do("PUBLISH", "ok.1", "1")
	require.Equal(t, []string{"1"}, next(t, other, 1))
	redistest.Eventually(t, func() bool { return len(admin.Do("PUBSUB", "CHANNELS", "ok.*").([]any)) == 1 }, "nothing of the refused stays")
	require.Zero(t, h.Stats().Reconnects)

	// Redis cuts clients that follow what they no longer may.
	admin.Do("ACL", "SETUSER", "default", "resetchannels", "&feed.probe:*")
	_, err = other.Next(t.Context())
	require.ErrorIs(t, err, ErrRefused)
}

// A probe finds a connection that is open and delivers nothing.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	name := redistest.Name(t)
	proxy := redistest.NewProxy(t, target.URL())
	peer := redistest.Client(t, target.URL())
	h := onRedis(t, proxy, Config{
		Timeout: time.Second, ProbeAfter: 20 * time.Millisecond, ProbeTimeout: 200 * time.Millisecond,
		Publish: func(_ context.Context, channel, payload string) error {
			_, err := peer.DoErr("PUBLISH", channel, payload)
			return err
		},
	})
	s := follow(t, h, Options{Channels: []string{name}})
	redistest.Eventually(t, func() bool { return h.Stats().ProbesSent > 2 }, "probes while idle")
	require.Zero(t, h.Stats().Reconnects)
	proxy.Hold()
	redistest.Eventually(t, func() bool { return h.Stats().ProbesFailed > 0 && !h.Stats().Connected }, "the hub notices")
	proxy.Release()
	require.Equal(t, []string{"reconnected 0"}, next(t, s, 1))
}

// Never silently wrong: over connections that are cut at random bytes, full mailboxes and names that come and go, every
// number that a subscriber does not get is told in its place.
func TestNeverSilentlyWrong(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	proxy := redistest.NewProxy(t, target.URL())
	peer := redistest.Client(t, target.URL())
	h := onRedis(t, proxy, Config{MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond})
	base := redistest.Name(t)
	const channels, each = 4, 3000

	var readers, churn sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for i := range 12 {
		own := base + strconv.Itoa(i%channels)
		opts := Options{Channels: []string{own}, Mailbox: []int{8, 100_000}[i%2]}
		if i >= 8 {
			opts = Options{Patterns: []string{own}, Mailbox: 64}
		}
		s := follow(t, h, opts)
		readers.Go(func() { check(t, s, each) })
	}
	for i := range 4 {
		churning := Options{Channels: []string{base + strconv.Itoa(i%channels), base + "x"}, Patterns: []string{base + "*"}}
		if target.Embedded() {
			churning.Patterns = nil // it sends a message for one of the patterns that match, Redis for each
		}
		churn.Go(func() {
			for ctx.Err() == nil {
				s, err := h.Subscribe(ctx, churning)
				if err == nil {
					_, _ = s.Next(ctx)
					_ = s.Close()
				}
			}
		})
	}
	for seq := 1; seq <= each; seq++ {
		var batch [][]any
		for c := range channels {
			batch = append(batch, []any{"PUBLISH", base + strconv.Itoa(c), strconv.Itoa(seq)})
		}
		peer.Pipeline(batch...)
		if seq%500 == 0 {
			proxy.CutAfterBytes(1 + int64(rand.N(2000)))
		}
	}
	stop()
	churn.Wait()
	done := make(chan struct{})
	go func() { readers.Wait(); close(done) }()
	redistest.Eventually(t, func() bool { // the last number may be one that is lost: repeat the end until all saw it
		for c := range channels {
			peer.Do("PUBLISH", base+strconv.Itoa(c), "end")
		}
		select {
		case <-done:
			return true
		default:
			return false
		}
	}, "all readers are done")
	redistest.Eventually(t, func() bool { return h.Stats().Reconnects > 0 }, "connections were cut")
	require.NoError(t, h.Close())
	t.Logf("%+v", h.Stats())
}

// check reads numbers from 1 to the end. A number is its predecessor's successor, or the events between the two say how many
// are missing.
func check(t *testing.T, s *Subscription, total int) {
	defer s.Close()
	last, missed, unknown := 0, 0, false
	into := make([]Event, 7)
	for {
		n, err := s.NextBatch(t.Context(), into)
		if err != nil {
			t.Error(err)
			return
		}
		for _, e := range into[:n] {
			if e.Lost() {
				missed += int(e.Missed)
				unknown = unknown || e.Kind == KindReconnected
				continue
			}
			seq := total + 1
			ended := bytes.Equal(e.Payload, []byte("end"))
			if !ended {
				seq, _ = strconv.Atoi(string(e.Payload))
			}
			if gap := seq - last - 1; gap < 0 || gap < missed && !ended || gap > missed && !unknown {
				t.Errorf("%d after %d, told that %d are missing, unknown %v", seq, last, missed, unknown)
				return
			}
			if ended {
				return
			}
			last, missed, unknown = seq, 0, false
		}
	}
}
