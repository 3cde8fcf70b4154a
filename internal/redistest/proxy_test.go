package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func dial(p *Proxy) (net.Conn, error) {
	network, addr := p.Addr()
	return net.Dial(network, addr)
}

// link is a connection through a proxy whose errors are results.
type link struct {
	t    testing.TB
	conn net.Conn
	br   *bufio.Reader
}

// dialProxy connects, with AUTH and SELECT if the server at REDIS_URL needs them.
func dialProxy(t testing.TB, p *Proxy) *link {
	t.Helper()
	c := Client(t, p.URL())
	require.NoError(t, c.node.conn.SetDeadline(time.Now().Add(replyTimeout)))
	return &link{t, c.node.conn, c.node.br}
}

// dialOnly connects and sends nothing.
func dialOnly(t testing.TB, p *Proxy) *link {
	t.Helper()
	conn, err := dial(p)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(replyTimeout)))
	return &link{t, conn, bufio.NewReader(conn)}
}

func (l *link) send(args ...any) {
	l.t.Helper()
	l.sendAll(args)
}

// sendAll sends commands in one write: with a fault ahead, a second one might find the connection gone.
func (l *link) sendAll(cmds ...[]any) {
	l.t.Helper()
	var buf []byte
	for _, args := range cmds {
		buf = appendCommand(buf, args)
	}
	_, err := l.conn.Write(buf)
	require.NoError(l.t, err)
}

func (l *link) do(args ...any) (any, error) {
	l.t.Helper()
	l.send(args...)
	return readReply(l.br)
}

// ended reads until the connection ends and returns what came before.
func (l *link) ended() (before []any) {
	l.t.Helper()
	for {
		reply, err := readReply(l.br)
		if err != nil {
			require.NotErrorIs(l.t, err, os.ErrDeadlineExceeded)
			return before
		}
		before = append(before, reply)
	}
}

func await(t testing.TB, fault <-chan struct{}) {
	t.Helper()
	select {
	case <-fault:
	case <-time.After(defaultPatience):
		t.Fatal("the fault did not strike")
	}
}

// proxied is a proxy before the shared server, a link through it, a peer that goes around it, and a key.
func proxied(t testing.TB) (p *Proxy, l *link, peer *Raw, key string) {
	t.Helper()
	target := Shared(t)
	p = NewProxy(t, target.URL())
	return p, dialProxy(t, p), Client(t, target.URL()), "feed.publishes:" + Name(t)
}

func TestProxyForwards(t *testing.T) {
	t.Parallel()
	p, l, _, key := proxied(t)
	via := Client(t, p.URL())
	before := p.Stats()
	large := strings.Repeat("x", 3*chunk+1)
	require.Equal(t, "OK", via.Do("SET", key, large))
	require.Equal(t, large, via.Do("GET", key))

	const n = 500 // pipelined
	for i := range n {
		l.send("ECHO", i)
	}
	for i := range n {
		reply, err := readReply(l.br)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), reply)
	}
	s := p.Stats()
	require.EqualValues(t, 2, s.Connections)
	require.EqualValues(t, 2, s.Open)
	require.EqualValues(t, n+2, s.Requests-before.Requests)
	require.EqualValues(t, n+2, s.Replies-before.Replies)
	require.Greater(t, s.BytesUp, int64(len(large)))
	require.Greater(t, s.BytesDown, int64(len(large)))
}

func TestProxyCut(t *testing.T) {
	t.Parallel()
	p, l, _, _ := proxied(t)
	other := dialProxy(t, p)
	for _, l := range []*link{l, other} {
		_, err := l.do("PING")
		require.NoError(t, err)
	}
	p.Cut()
	require.Empty(t, l.ended())
	require.Empty(t, other.ended())
	require.Zero(t, p.Stats().Open)

	_, err := dialProxy(t, p).do("PING")
	require.NoError(t, err)
}

func TestProxyCutAfter(t *testing.T) {
	t.Parallel()
	p, l, _, _ := proxied(t)
	cut := p.CutAfter(2)
	l.sendAll([]any{"ECHO", 0}, []any{"ECHO", 1}, []any{"ECHO", 2}, []any{"ECHO", 3})
	require.Equal(t, []any{"0", "1"}, l.ended())
	await(t, cut)
}

func TestProxyCutAfterBytes(t *testing.T) {
	t.Parallel()
	p, l, _, _ := proxied(t)
	cut := p.CutAfterBytes(int64(len("+PONG\r\n$3\r\na")))
	l.sendAll([]any{"PING"}, []any{"ECHO", "abc"})
	rest := new(bytes.Buffer)
	_, err := rest.ReadFrom(l.br)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Equal(t, "+PONG\r\n$3\r\na", rest.String())
	await(t, cut)
}

func TestProxySwallowReplies(t *testing.T) {
	t.Parallel()
	p, l1, peer, key := proxied(t)
	l2, l3 := dialProxy(t, p), dialProxy(t, p)
	swallowed := p.SwallowReplies(2)
	for _, l := range []*link{l1, l2} { // each loses its connection
		l.send("INCR", key)
		require.Empty(t, l.ended())
	}
	await(t, swallowed)
	n, err := l3.do("INCR", key)
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	require.Equal(t, "3", peer.Do("GET", key))
	require.EqualValues(t, 2, p.Stats().Swallowed)
}

func TestProxySwallowNext(t *testing.T) {
	t.Parallel()
	p, l, peer, key := proxied(t)
	other := dialProxy(t, p)
	swallowed := p.SwallowNext([]byte(key))
	l.sendAll([]any{"ECHO", "before"}, []any{"INCR", key}, []any{"ECHO", "after"})
	require.Equal(t, []any{"before"}, l.ended())
	await(t, swallowed)
	require.Equal(t, "1", peer.Do("GET", key))

	n, err := other.do("INCR", key) // one reply only, and other connections live on
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
}

func TestProxySwallowNextOfAConnectionThatEnds(t *testing.T) {
	t.Parallel()
	p, l, _, key := proxied(t)
	swallowed := p.SwallowNext([]byte(key))
	p.OnRequest(func(int, []byte) { p.Cut() })
	l.send("INCR", key)
	require.Empty(t, l.ended())
	await(t, swallowed)
}

func TestProxyDoesNotCountPushedMessages(t *testing.T) {
	t.Parallel()
	p, _, peer, key := proxied(t)
	rec := Record(t, p.URL(), key)
	l := dialProxy(t, p)
	swallowed := p.SwallowReplies(1)
	for i := range 3 {
		peer.Do("PUBLISH", key, i)
	}
	require.Len(t, rec.Take(t, 3, defaultPatience), 3)
	l.send("PING")
	require.Empty(t, l.ended())
	await(t, swallowed)
}

func TestProxyDelay(t *testing.T) {
	t.Parallel()
	p, l, _, _ := proxied(t)
	const rtt = 40 * time.Millisecond
	p.Delay(rtt)
	start := time.Now()
	_, err := l.do("PING")
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), rtt)

	// Fifty requests, each in a write of its own, are on their way at the same time: all together they take one
	// round trip, not fifty.
	const n = 50
	start = time.Now()
	for i := range n {
		l.send("ECHO", i)
	}
	for i := range n {
		reply, err := readReply(l.br)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), reply)
	}
	took := time.Since(start)
	require.GreaterOrEqual(t, took, rtt)
	require.Less(t, took, n*rtt/4)
}

func TestProxyHold(t *testing.T) {
	t.Parallel()
	p, l, peer, key := proxied(t)
	seen := make(chan struct{}, 2)
	p.OnRequest(func(int, []byte) { seen <- struct{}{} })
	p.Hold()
	l.send("INCR", key)
	late := dialOnly(t, p) // accepted, and held as well
	late.send("PING")
	<-seen
	<-seen
	require.Nil(t, peer.Do("GET", key))

	p.Release()
	for _, l := range []*link{l, late} {
		_, err := readReply(l.br)
		require.NoError(t, err)
	}
	require.Equal(t, "1", peer.Do("GET", key))
	p.Release() // harmless
}

func TestProxyHoldsReplies(t *testing.T) {
	t.Parallel()
	p, l, peer, key := proxied(t)
	before := p.Stats()
	l.send("BLPOP", key, 0)
	Eventually(t, func() bool { return p.Stats().BytesUp > before.BytesUp }, "BLPOP was not forwarded")
	p.Hold()
	peer.Do("RPUSH", key, "x")
	Eventually(t, func() bool { return p.Stats().Replies > before.Replies }, "the server did not answer")
	require.Equal(t, before.BytesDown, p.Stats().BytesDown)
	p.Release()
	reply, err := readReply(l.br)
	require.NoError(t, err)
	require.Equal(t, []any{key, "x"}, reply)
}

func TestProxyRefuse(t *testing.T) {
	t.Parallel()
	nothing := NewProxy(t, "redis://127.0.0.1:1")
	require.Empty(t, dialOnly(t, nothing).ended())

	p, l, _, _ := proxied(t)
	for range 2 {
		_, err := l.do("PING")
		require.NoError(t, err)
		p.Refuse(true)
		_, err = dial(p)
		require.ErrorContains(t, err, "refused")
		_, err = l.do("PING") // lives on
		require.NoError(t, err)
		p.Refuse(false)
		_, err = dialProxy(t, p).do("PING")
		require.NoError(t, err)
	}

	p.RefuseFor(20 * time.Millisecond)
	Eventually(t, func() bool {
		conn, err := dial(p)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, "connections are still refused")
}

func TestProxyOnRequest(t *testing.T) {
	t.Parallel()
	p, l, peer, key := proxied(t)
	p.OnRequest(func(conn int, raw []byte) {
		if conn == 1 && bytes.Contains(raw, []byte("INCR")) {
			p.Cut() // before it is forwarded
		}
	})
	l.send("INCR", key)
	require.Empty(t, l.ended())
	require.Nil(t, peer.Do("GET", key))

	p.OnRequest(nil)
	_, err := dialProxy(t, p).do("INCR", key)
	require.NoError(t, err)
}

// TestProxyDeliversWhatAClientLeftBehind: a client that sends and goes away has sent.
func TestProxyDeliversWhatAClientLeftBehind(t *testing.T) {
	t.Parallel()
	p, l, peer, key := proxied(t)
	p.Delay(10 * time.Millisecond)
	for range 3 {
		l.send("INCR", key)
	}
	require.NoError(t, l.conn.Close())
	Eventually(t, func() bool { return p.Stats().Open == 0 }, "the connection is still open")
	Eventually(t, func() bool { return peer.Do("GET", key) == "3" }, "commands were lost")
}
