package engine_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func open(t testing.TB, cfg engine.Config) *engine.Engine {
	t.Helper()
	eng, err := engine.Open(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		assert.NoError(t, eng.Close(ctx))
	})
	return eng
}

// Every problem of a configuration is told, none shows the password.
func TestConfigErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ url, says string }{
		"empty":                 {"", "URL is empty"},
		"no scheme":             {"localhost:6379", "scheme"},
		"unknown scheme":        {"http://:secret@localhost", `"http"`},
		"not parsed":            {"redis://:secret@local host", "cannot be parsed"},
		"bad escape":            {"redis://:secret%zz@localhost", "cannot be parsed"},
		"bad port":              {"redis://:secret@localhost:port", "cannot be parsed"},
		"no host":               {"redis://:secret@/1", "needs a host"},
		"database is no number": {"redis://:secret@localhost/one", `"one"`},
		"negative database":     {"redis://:secret@localhost/-1", `"-1"`},
		"two databases":         {"redis://:secret@localhost/1?db=2", `"db"`},
		"two paths":             {"redis://:secret@localhost/1/2", `"1/2"`},
		"unknown parameter":     {"redis://:secret@localhost?timeout=1", `"timeout"`},
		"unix without a path":   {"unix://", "absolute path"},
		"unix with a host":      {"unix://:secret@host/path", "absolute path"},
		"unix database":         {"unix:///path?db=x", `"x"`},
		"sentinels' name":       {"redis+sentinel://:secret@a:1,b:2", "the name"},
		"sentinels' parameter":  {"redis+sentinel://:secret@a:1,b:2/m?name=x", `"name"`},
		"sentinels' database":   {"redis+sentinel://:secret@a:1,b:2/m?db=x", `"x"`},
		"empty host in a list":  {"redis+cluster://:secret@a:1,,b:2", "list of hosts"},
		"bad port in a list":    {"redis+cluster://:secret@a:1,b:two", "list of hosts"},
		"no hosts":              {"rediss+cluster://:secret@", "list of hosts"},
		"bad escape in a list":  {"redis+cluster://:secret%zz@a:1", "cannot be parsed"},
		"cluster's database":    {"redis+cluster://:secret@a:1/1", "no databases"},
		"cluster's parameter":   {"redis+cluster://:secret@a:1?db=1", "no databases"},
		"unknown plural":        {"redis+flock://:secret@a:1", `"redis+flock"`},
	}
	for name, tc := range tests {
		_, err := engine.Open(t.Context(), engine.Config{URL: tc.url})
		require.ErrorIs(t, err, engine.ErrInvalidConfig, name)
		assert.Contains(t, err.Error(), tc.says, name)
		assert.NotContains(t, err.Error(), "secret", name)
	}
	_, err := engine.Open(t.Context(), engine.Config{
		URL: "x://", Connections: -1, DialTimeout: -1, Timeout: -1, Patience: -1, IdleAfter: -1, MaxItem: 1 << 30, Mailbox: -1, DrainTimeout: -1,
	})
	require.ErrorIs(t, err, engine.ErrInvalidConfig)
	for _, field := range []string{"URL", "Connections", "DialTimeout", "Timeout", "Patience", "IdleAfter", "MaxItem", "Mailbox", "DrainTimeout"} {
		assert.Contains(t, err.Error(), field, "every problem at once")
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	locked := redistest.Private(t, redisserver.Options{Password: "s3cret", Port: -1})
	hanging := redistest.Private(t, redisserver.Options{})
	require.NoError(t, hanging.Pause())
	node := redistest.Private(t, redisserver.Options{Port: -1, Args: []string{"--cluster-enabled", "yes"}})
	alone := redistest.Private(t, redisserver.Options{Port: -1})
	tests := map[string]struct {
		url  string
		is   error
		says string
	}{
		"a cluster's node":  {node.URL(), nil, "redis+cluster"},
		"no cluster":        {fmt.Sprintf("redis+cluster://127.0.0.1:%d", alone.Port()), nil, "cluster support disabled"},
		"no slots":          {fmt.Sprintf("redis+cluster://127.0.0.1:%d", node.Port()), nil, "cluster is down"},
		"no sentinel":       {fmt.Sprintf("redis+sentinel://127.0.0.1:%d/m", alone.Port()), nil, "unknown command"},
		"nobody listens":    {"redis://127.0.0.1:1", nil, "refused"},
		"no such socket":    {"unix:///nowhere/at/all.sock", nil, "no such file"},
		"no password":       {fmt.Sprintf("redis://127.0.0.1:%d", locked.Port()), nil, "NOAUTH"},
		"wrong password":    {fmt.Sprintf("redis://:wr0ng@127.0.0.1:%d", locked.Port()), nil, "WRONGPASS"},
		"unknown user":      {fmt.Sprintf("redis://who:s3cret@127.0.0.1:%d", locked.Port()), nil, "WRONGPASS"},
		"no such database":  {locked.URL() + "?db=999", nil, "out of range"},
		"an old version":    {fakeServer(t, "6.0.16"), engine.ErrUnsupported, "6.0.16"},
		"a very old one":    {fakeServer(t, "2.8.4"), engine.ErrUnsupported, "2.8.4"},
		"it does not speak": {hanging.URL(), nil, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			// The context has no end: the configured times have to do.
			_, err := engine.Open(context.Background(), engine.Config{URL: tc.url, Timeout: 100 * time.Millisecond, DialTimeout: 2 * time.Second})
			require.Error(t, err)
			assert.ErrorIs(t, err, engine.ErrNotSent)
			if tc.is != nil {
				assert.ErrorIs(t, err, tc.is)
			}
			assert.Contains(t, err.Error(), tc.says)
			assert.NotContains(t, err.Error(), "cret")
			assert.NotContains(t, err.Error(), "wr0ng")
			assert.Less(t, time.Since(begun), 10*time.Second)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := engine.Open(ctx, engine.Config{URL: redistest.Shared(t).URL()})
	assert.ErrorIs(t, err, context.Canceled)
}

// Versions that are new enough, or cannot be told, are taken.
func TestOpenVersions(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"6.2.0", "7.4.1", "255.255.255", "unknown"} {
		eng, err := engine.Open(t.Context(), engine.Config{URL: fakeServer(t, v)})
		require.NoError(t, err, v)
		require.NoError(t, eng.Close(t.Context()))
	}
}

// fakeServer answers PING and INFO, and says that it has the version.
func fakeServer(t *testing.T, version string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				br := bufio.NewReader(conn)
				for {
					line, err := br.ReadString('\n')
					if err != nil {
						return
					}
					switch strings.TrimSpace(line) {
					case "PING":
						_, _ = conn.Write([]byte("+PONG\r\n"))
					case "INFO":
						info := "# Server\r\nredis_version:" + version + "\r\nredis_mode:standalone\r\n"
						_, _ = fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
					case "CLIENT":
						_, _ = conn.Write([]byte("-ERR unknown command\r\n"))
					}
				}
			}()
		}
	}()
	return "redis://" + l.Addr().String()
}

// Every way to name a server reaches it, with password and database.
func TestURLs(t *testing.T) {
	t.Parallel()
	const password = "p@ss/w:rd?"
	ca := newAuthority(t)
	srv := ca.serve("127.0.0.1", time.Now().Add(time.Hour), "no", password)
	const escaped = "p%40ss%2Fw%3Ard%3F"
	port := fmt.Sprint(srv.Port())
	tests := map[string]struct {
		url string
		db  int
	}{
		"redis":              {"redis://:" + escaped + "@127.0.0.1:" + port, 0},
		"redis and database": {"redis://:" + escaped + "@127.0.0.1:" + port + "/3", 3},
		"redis and db=":      {"redis://:" + escaped + "@127.0.0.1:" + port + "?db=4", 4},
		"redis and user":     {"redis://default:" + escaped + "@127.0.0.1:" + port + "/", 0},
		"unix":               {"unix://:" + escaped + "@" + srv.Socket(), 0},
		"unix and database":  {"unix://default:" + escaped + "@" + srv.Socket() + "?db=5", 5},
		"rediss":             {"rediss://:" + escaped + "@127.0.0.1:" + srv.tlsPort + "/6", 6},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eng := open(t, engine.Config{URL: tc.url, TLS: &tls.Config{RootCAs: ca.pool()}})
			f, err := eng.Feed(t.Context(), redistest.Name(t), feed.Config{})
			require.NoError(t, err)
			sub, err := f.Follow(t.Context(), feed.FollowOptions{})
			require.NoError(t, err)
			require.NoError(t, f.PublishAs(t.Context(), "a", []byte("1")))
			e, err := sub.Next(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "a", e.ID)
			peer := redistest.Client(t, srv.URL())
			peer.Do("SELECT", tc.db)
			assert.Equal(t, "1", peer.String("HGET", "feed.items:"+f.Name(), "a"))
		})
	}
}
