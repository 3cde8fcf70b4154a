package redistest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func reply(l *link) any {
	l.t.Helper()
	r, err := readReply(l.br)
	require.NoError(l.t, err)
	return r
}

func TestProxyAnswers(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, Shared(t).URL())
	before := dialProxy(t, p)
	before.send("PING")
	require.Equal(t, "PONG", reply(before))
	p.Answer("LOADING later")
	require.Empty(t, before.ended())
	during := dialOnly(t, p)
	during.sendAll([]any{"PING"}, []any{"GET", "x"})
	require.Equal(t, Error("LOADING later"), reply(during))
	require.Equal(t, Error("LOADING later"), reply(during))
	p.Answer("")
	require.Empty(t, during.ended())
	after := dialProxy(t, p)
	after.send("PING")
	require.Equal(t, "PONG", reply(after))
}

func TestProxyAbandons(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, Shared(t).URL())
	l := dialProxy(t, p)
	l.send("PING")
	require.Equal(t, "PONG", reply(l))
	require.Equal(t, 1, p.Abandon())
	l.send("PING")
	require.NoError(t, l.conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := l.br.ReadByte()
	require.ErrorContains(t, err, "timeout", "neither a reply nor an end")
	other := dialProxy(t, p)
	other.send("PING")
	require.Equal(t, "PONG", reply(other))
	require.NoError(t, l.conn.Close())
	Eventually(t, func() bool { return p.Stats().Open == 1 }, "the client's end ends it")
}

func TestProxyStalls(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, Shared(t).URL())
	l, name := dialProxy(t, p), Name(t)
	l.send("PING")
	require.Equal(t, "PONG", reply(l))
	release := p.Stall()
	l.send("SET", name, "late")
	require.NoError(t, l.conn.Close())
	other := dialProxy(t, p)
	other.send("SET", name, "early")
	require.Equal(t, "OK", reply(other))
	release()
	release()
	Eventually(t, func() bool { return Client(t, Shared(t).URL()).String("GET", name) == "late" }, "what was sent arrives")
	Eventually(t, func() bool { return p.Stats().Open == 1 }, "and then the end")
}
