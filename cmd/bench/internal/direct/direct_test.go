package direct

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func TestParse(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]Endpoint{
		"redis://host":               {Network: "tcp", Addr: "host:6379"},
		"redis://host:1/2":           {Network: "tcp", Addr: "host:1", DB: "2"},
		"redis://:pw@[::1]:1?db=3":   {Network: "tcp", Addr: "[::1]:1", Password: "pw", DB: "3"},
		"redis://me:pw@host/":        {Network: "tcp", Addr: "host:6379", User: "me", Password: "pw"},
		"unix:///a/b.sock":           {Network: "unix", Addr: "/a/b.sock"},
		"unix://:pw@/a/b.sock?db=12": {Network: "unix", Addr: "/a/b.sock", Password: "pw", DB: "12"},
	} {
		got, err := Parse(url)
		require.NoError(t, err, url)
		require.Equal(t, want, got, url)
	}
	secure, err := Parse("rediss://host")
	require.NoError(t, err)
	require.Equal(t, "host", secure.tls.ServerName)
	for _, url := range []string{"", "host:1", "redis://", "redis:///1", "http://host", "unix://a/b", "unix://", "redis://h/x", "redis://:pw@h/-1", "redis://:pw@h:%"} {
		_, err := Parse(url)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "pw")
	}
}

func dial(t *testing.T) *Conn {
	t.Helper()
	at, err := Parse(redistest.Shared(t).URL())
	require.NoError(t, err)
	c, err := at.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestDo(t *testing.T) {
	t.Parallel()
	c, key := dial(t), redistest.Name(t)
	defer func() { _, _ = c.Do("DEL", key) }()
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"PING"}, "PONG"},
		{[]string{"RPUSH", key, "a", "b\r\n"}, "2"},
		{[]string{"LINDEX", key, "1"}, "b\r\n"},
		{[]string{"LINDEX", key, "9"}, ""},
		{[]string{"LRANGE", key, "0", "-1"}, "0"},
		{[]string{"EVAL", "return {1, {2, 3}, 'x'}", "0"}, "6"},
	} {
		got, err := c.Do(step.args...)
		require.NoError(t, err, step.args)
		require.Equal(t, step.want, got, step.args)
	}
	_, err := c.Do("GET", key)
	require.ErrorContains(t, err, "WRONGTYPE")
	_, err = c.Do("PING")
	require.NoError(t, err, "the connection is still in step")
}

func TestPipeline(t *testing.T) {
	t.Parallel()
	c, key := dial(t), redistest.Name(t)
	_, err := c.Do("RPUSH", key, "abc", "de")
	require.NoError(t, err)
	defer func() { _, _ = c.Do("DEL", key) }()
	call := fmt.Appendf(nil, "*4\r\n$6\r\nLRANGE\r\n$%d\r\n%s\r\n$1\r\n0\r\n$2\r\n-1\r\n", len(key), key)
	var sent, answered, deepest int64
	calls, elapsed, err := c.Run(t.Context(), Pipeline{
		Depth: 4,
		Next: func(i int64) []byte {
			require.Equal(t, sent, i)
			sent++
			deepest = max(deepest, sent-answered)
			return call
		},
		Check: func(i int64, r Reply) error {
			require.Equal(t, answered, i)
			require.Equal(t, Reply{Elements: 2, Bytes: 5}, r)
			answered++
			return nil
		},
	}, 0, 50*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, sent, calls)
	require.Equal(t, answered, calls)
	require.EqualValues(t, 4, deepest)
	require.GreaterOrEqual(t, elapsed, 50*time.Millisecond)

	calls, elapsed, err = c.Run(t.Context(), Pipeline{Depth: 4, Most: 17, Next: func(int64) []byte { return call },
		Check: func(int64, Reply) error { return nil }}, 10, time.Hour)
	require.NoError(t, err)
	require.EqualValues(t, 7, calls)
	require.Less(t, elapsed, time.Minute)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls, _, err = c.Run(ctx, Pipeline{Depth: 4, Next: func(int64) []byte { return call }}, 0, time.Hour)
	require.NoError(t, err)
	require.Zero(t, calls)
}

func TestPipelineTellsErrors(t *testing.T) {
	t.Parallel()
	c := dial(t)
	_, _, err := c.Run(t.Context(), Pipeline{
		Depth: 1,
		Next:  func(int64) []byte { return []byte("*1\r\n$4\r\nNOPE\r\n") },
	}, 7, time.Hour)
	require.ErrorContains(t, err, "call 7: redis says")
	_, _, err = c.Run(t.Context(), Pipeline{
		Depth: 1,
		Next:  func(int64) []byte { return []byte("*1\r\n$4\r\nPING\r\n") },
	}, 0, time.Hour)
	require.ErrorContains(t, err, "no array")
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c := dial(t)
	for _, s := range feed.Scripts() {
		require.NoError(t, c.Load(t.Context(), s))
	}
}
