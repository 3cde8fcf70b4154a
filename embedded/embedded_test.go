package embedded_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func start(t *testing.T) *embedded.Server {
	t.Helper()
	srv, err := embedded.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	return srv
}

// onBoth runs a test on the embedded server and, as a check of the test, on Redis if there is one.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, start(t).URL())
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		target := redistest.Shared(t)
		target.NeedReal(t)
		test(t, target.URL())
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	srv := start(t)
	require.Regexp(t, `^redis://127\.0\.0\.1:\d+$`, srv.URL())
	addr := strings.TrimPrefix(srv.URL(), "redis://")

	// connections that wait for something end too
	blocked, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer blocked.Close()
	_, err = blocked.Write([]byte("*3\r\n$5\r\nBRPOP\r\n$1\r\na\r\n$1\r\n0\r\n"))
	require.NoError(t, err)
	rec := redistest.Record(t, srv.URL(), "a", "b*")
	require.Empty(t, rec.Drain(t))

	require.NoError(t, srv.Close())
	require.NoError(t, srv.Close())
	_, err = blocked.Read(make([]byte, 1))
	require.Error(t, err)
	_, err = net.Dial("tcp", addr)
	require.Error(t, err)
}

func TestTimePasses(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		c, key := redistest.Client(t, url), redistest.Name(t)
		const ttl = 100 * time.Millisecond
		for _, set := range [][]any{
			{"SET", key, "x", "PX", 100},
			{"EVAL", "redis.call('RPUSH', KEYS[1], 1) return redis.call('PEXPIRE', KEYS[1], ARGV[1])", 1, key, 100},
		} {
			begin := time.Now()
			c.Do(set...)
			require.Positive(t, c.Int("PTTL", key))
			redistest.Eventually(t, func() bool { return c.Int("EXISTS", key) == 0 }, "the key does not expire")
			require.Greater(t, time.Since(begin), ttl/2)
			require.Equal(t, "OK", c.Do("SET", key, "y", "NX", "PX", 100_000)) // free again
			c.Do("DEL", key)
		}

		const now = "local t = redis.call('TIME') return string.format('%d', t[1] * 1000000 + t[2])"
		first := c.Eval(now, nil).(string)
		redistest.Eventually(t, func() bool { return c.Eval(now, nil).(string) > first }, "TIME stands still")
		require.InDelta(t, time.Now().Unix(), c.Int("EVAL", "return tonumber(redis.call('TIME')[1])", 0), 60)
	})
}

// TestBlockingPops: a pop over many keys is woken by pushes that come from scripts and transactions.
func TestBlockingPops(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		waiter, c, name := redistest.Client(t, url), redistest.Client(t, url), redistest.Name(t)
		keys := make([]any, 64)
		for i := range keys {
			keys[i] = name + string(rune('A'+i))
		}
		brpop := append([]any{"BRPOP"}, keys...)
		last := keys[63].(string)

		pushes := map[string]func(){
			"plain":  func() { c.Do("LPUSH", last, "x") },
			"script": func() { c.Eval("return redis.call('LPUSH', KEYS[1], ARGV[1])", []string{last}, "x") },
			"MULTI": func() {
				c.Pipeline([]any{"MULTI"}, []any{"LPUSH", last, "x"}, []any{"SET", name, 1}, []any{"EXEC"})
			},
		}
		for from, push := range pushes {
			waiter.Send(append(brpop, 10)...)
			push()
			reply, err := waiter.Receive()
			require.NoError(t, err)
			require.Equal(t, []any{last, "x"}, reply, from)
			require.Zero(t, c.Int("EXISTS", last))
		}

		begin := time.Now()
		require.Nil(t, waiter.Do(append(brpop, "0.03")...))
		require.GreaterOrEqual(t, time.Since(begin), 30*time.Millisecond)

		// taken again in the same script: nobody wakes
		waiter.Send(append(brpop, "0.05")...)
		c.Eval("redis.call('LPUSH', KEYS[1], 1) return redis.call('RPOP', KEYS[1])", []string{last})
		reply, err := waiter.Receive()
		require.NoError(t, err)
		require.Nil(t, reply)
	})
}

func TestMessages(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		c, name := redistest.Client(t, url), redistest.Name(t)
		channels, patterns := redistest.Record(t, url, "a:"+name, "b:"+name), redistest.Record(t, url, "?:"+name)
		c.Eval(`for i = 1, 300 do redis.call('PUBLISH', ARGV[1 + i % 2], i .. '\0' .. i) end`, nil, "a:"+name, "b:"+name)
		c.Do("SELECT", 2) // messages know no databases
		c.Do("PUBLISH", "a:"+name, "last")
		for _, rec := range []*redistest.Recorder{channels, patterns} {
			got := rec.Drain(t)
			require.Len(t, got, 301)
			require.Equal(t, "1\x001", got[0].Payload)
			require.Equal(t, "b:"+name, got[0].Channel)
			require.Equal(t, "300\x00300", got[299].Payload)
			require.Equal(t, "last", got[300].Payload)
		}
	})
}

// TestManyClients: every item goes to one taker, while keys expire under many connections.
func TestManyClients(t *testing.T) {
	t.Parallel()
	srv, name := start(t), redistest.Name(t)
	const clients, each = 8, 50
	taken := make(chan any, clients*each)
	var wg sync.WaitGroup
	for n := range clients {
		put, take := redistest.Client(t, srv.URL()), redistest.Client(t, srv.URL())
		wg.Go(func() {
			for i := range each {
				put.Do("LPUSH", name, n*each+i)
				put.Do("SET", name+":lease", i, "PX", 1)
			}
		})
		wg.Go(func() {
			for range each {
				taken <- take.Do("BRPOP", name, 10)
			}
		})
	}
	wg.Wait()
	close(taken)
	items := map[any]bool{}
	for reply := range taken {
		require.Len(t, reply, 2)
		items[reply.([]any)[1]] = true
	}
	require.Len(t, items, clients*each)
}
