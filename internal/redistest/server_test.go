package redistest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redisserver"
)

func TestName(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `^TestName-[0-9a-f]{12}$`, Name(t))
	require.NotEqual(t, Name(t), Name(t))
	t.Run("a:{b}*\x00é", func(t *testing.T) {
		require.Regexp(t, `^[A-Za-z0-9._-]+$`, Name(t))
	})
}

func TestSharedIsOneServer(t *testing.T) {
	t.Parallel()
	target := Shared(t)
	require.Same(t, target, Shared(t))
	peer := Client(t, target.URL())
	require.Equal(t, "PONG", peer.Do("PING"))
	network, addr := target.Addr()
	require.NotEmpty(t, network)
	require.NotEmpty(t, addr)
}

func TestCommandStats(t *testing.T) {
	t.Parallel()
	target := Shared(t)
	target.NeedReal(t)
	peer, name := Client(t, target.URL()), Name(t)
	before := peer.CommandStats()["setnx"]
	peer.Do("SETNX", name, 1)
	peer.Eval("return redis.call('SETNX', KEYS[1], 1)", []string{name})
	require.Equal(t, before+2, peer.CommandStats()["setnx"])
	require.NotEmpty(t, peer.Info("server")["uptime_in_seconds"])
}

// TestPrivate: a peer that authenticates and selects, through a proxy, to a server that pauses and dies.
func TestPrivate(t *testing.T) {
	t.Parallel()
	srv := Private(t, redisserver.Options{Password: "p@ss:word/", Port: -1})
	for _, url := range []string{srv.URL() + "?db=3", srv.TCPURL() + "/3"} {
		p := NewProxy(t, url)
		c := Client(t, p.URL())
		require.EqualValues(t, 1, c.Int("INCR", url))
		require.Nil(t, Client(t, srv.URL()).Do("GET", url)) // another database
		require.Equal(t, "1", Client(t, url).String("GET", url))

		require.NoError(t, srv.Pause())
		c.Send("INCR", url)
		require.NoError(t, srv.Resume())
		reply, err := c.Receive()
		require.NoError(t, err)
		require.EqualValues(t, 2, reply)
	}

	p := NewProxy(t, srv.URL())
	l := dialProxy(t, p)
	_, err := l.do("PING")
	require.NoError(t, err)
	require.NoError(t, srv.Kill())
	require.Empty(t, l.ended())
	require.NoError(t, srv.Restart(t.Context()))
	require.Equal(t, "PONG", Client(t, p.URL()).Do("PING"))
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]endpoint{
		"redis://h":                {network: "tcp", addr: "h:6379"},
		"redis://[::1]":            {network: "tcp", addr: "[::1]:6379"},
		"redis://u:p@h:1/2":        {network: "tcp", addr: "h:1", user: "u", pass: "p", db: "2"},
		"rediss://:p@h:1/":         {network: "tcp", addr: "h:1", pass: "p", tls: true},
		"unix:///a/b.sock":         {network: "unix", addr: "/a/b.sock"},
		"unix://:p@/a/b.sock?db=1": {network: "unix", addr: "/a/b.sock", pass: "p", db: "1"},
	} {
		got, err := parseURL(url)
		require.NoError(t, err)
		want.url = url
		require.Equal(t, want, got)
	}
	_, err := parseURL("http://h")
	require.Error(t, err)
	_, err = parseURL("redis://%zz")
	require.Error(t, err)
}

func TestEventually(t *testing.T) {
	t.Parallel()
	n := 0
	Eventually(t, func() bool { n++; return n == 3 }, "never")
	require.Equal(t, 3, n)
	require.Equal(t, "a 1", message([]any{"a %d", 1}))
	require.Equal(t, "the condition", message(nil))
}
