package embedded_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

// step is one command and its reply; an error reply is a redistest.Error and compared by its first word.
type step struct {
	cmd  []any
	want any
}

func cmd(args ...any) []any { return args }

// eval is a script that gets the test's key as KEYS[1].
func eval(script string, args ...any) []any { return append([]any{"EVAL", script, 1, key}, args...) }

func list(elements ...any) []any { return append([]any{}, elements...) }

// key stands for a key of the test's own.
const key = "%KEY%"

const wrongType = redistest.Error("WRONGTYPE")

// TestCommands holds every command and script function that the engine relies on.
func TestCommands(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]step{
		"sorted sets": {
			{cmd("ZADD", key, 1, "a", 2, "c", 2, "b", "1700000000000.123", "d"), int64(4)},
			{cmd("ZADD", key, "NX", 9, "a"), int64(0)},
			{cmd("ZADD", key, "GT", "CH", 1, "b"), int64(0)},
			{cmd("ZADD", key, "XX", "INCR", "0.5", "a"), "1.5"},
			{cmd("ZRANGE", key, 0, -1), list("a", "b", "c", "d")}, // equal scores by bytes
			{cmd("ZRANGE", key, "-inf", "(3", "BYSCORE", "LIMIT", 1, 5, "WITHSCORES"), list("b", "2", "c", "2")},
			{cmd("ZRANGEBYSCORE", key, "(1.5", "+inf", "LIMIT", 0, 1), list("b")},
			{cmd("ZREVRANGE", key, 0, 0, "WITHSCORES"), list("d", "1700000000000.123")},
			{cmd("ZSCORE", key, "x"), nil},
			{cmd("ZMSCORE", key, "x", "a"), list(nil, "1.5")},
			{cmd("ZCOUNT", key, "(2", "+inf"), int64(1)},
			{cmd("ZRANK", key, "c"), int64(2)},
			{cmd("ZRANK", key, "x"), nil},
			{cmd("ZINCRBY", key, 1, "a"), "2.5"},
			{cmd("ZREM", key, "a", "x", "b"), int64(2)},
			{cmd("ZREMRANGEBYRANK", key, 0, 0), int64(1)},
			{cmd("ZREMRANGEBYSCORE", key, "-inf", 5), int64(0)},
			{cmd("ZCARD", key), int64(1)},
			{cmd("ZSCAN", key, 0), list("0", list("d", "1700000000000.123"))},
			{cmd("ZPOPMIN", key, 2), list("d", "1700000000000.123")},
			{cmd("EXISTS", key), int64(0)},
		},
		"hashes": {
			{cmd("HSET", key, "a", 1, "b", "\x00\r\n"), int64(2)},
			{cmd("HSETNX", key, "a", 2), int64(0)},
			{cmd("HMGET", key, "b", "x", "a"), list("\x00\r\n", nil, "1")},
			{cmd("HSTRLEN", key, "b"), int64(3)},
			{cmd("HINCRBY", key, "n", 5), int64(5)},
			{cmd("HEXISTS", key, "x"), int64(0)},
			{cmd("HDEL", key, "a", "b", "x"), int64(2)},
			{cmd("HSCAN", key, 0, "COUNT", 10), list("0", list("n", "5"))},
			{cmd("HLEN", key), int64(1)},
			{cmd("HKEYS", key), list("n")},
			{cmd("HGETALL", key), list("n", "5")},
			{cmd("INCR", key), wrongType},
		},
		"lists": {
			{cmd("RPUSH", key, "b", "c", "b"), int64(3)},
			{cmd("LPUSH", key, "a"), int64(4)},
			{cmd("LPOS", key, "b"), int64(1)},
			{cmd("LPOS", key, "b", "RANK", -1), int64(3)},
			{cmd("LPOS", key, "x"), nil},
			{cmd("LINSERT", key, "AFTER", "c", "d"), int64(5)},
			{cmd("LINSERT", key, "BEFORE", "x", "d"), int64(-1)},
			{cmd("LREM", key, 0, "b"), int64(2)},
			{cmd("LRANGE", key, 0, -1), list("a", "c", "d")},
			{cmd("LMOVE", key, key, "RIGHT", "LEFT"), "d"},
			{cmd("RPOPLPUSH", key, key), "c"},
			{cmd("LRANGE", key, 0, 1), list("c", "d")},
			{cmd("LINDEX", key, -1), "a"},
			{cmd("LTRIM", key, 0, 1), "OK"},
			{cmd("LLEN", key), int64(2)},
			{cmd("RPOP", key, 1), list("d")},
			{cmd("LPOP", key, 9), list("c")},
			{cmd("RPOP", key, 9), nil},
			{cmd("LPOP", key), nil},
		},
		"strings and keys": {
			{cmd("SET", key, 1, "NX", "PX", 100_000), "OK"},
			{cmd("SET", key, 1, "NX", "PX", 100_000), nil},
			{cmd("GETEX", key, "PX", 50_000), "1"},
			{cmd("PEXPIRE", key, 60_000), int64(1)},
			{cmd("PERSIST", key), int64(1)},
			{cmd("PTTL", key), int64(-1)},
			{cmd("INCRBY", key, 4), int64(5)},
			{cmd("TYPE", key), "string"},
			{cmd("UNLINK", key), int64(1)},
			{cmd("PTTL", key), int64(-2)},
			{cmd("PEXPIRE", key, 60_000), int64(0)},
		},
		"sets": {
			{cmd("SADD", key, "a", "b"), int64(2)},
			{cmd("SADD", key, "a"), int64(0)},
			{cmd("SISMEMBER", key, "b"), int64(1)},
			{cmd("SMISMEMBER", key, "x", "a"), list(int64(0), int64(1))},
			{cmd("SREM", key, "b"), int64(1)},
			{cmd("SCARD", key), int64(1)},
			{cmd("SMEMBERS", key), list("a")},
			{cmd("SSCAN", key, 0), list("0", list("a"))},
		},
		"transactions": {
			{cmd("MULTI"), "OK"},
			{cmd("SET", key, 1), "QUEUED"},
			{cmd("LPUSH", key, 1), "QUEUED"},
			{cmd("EVALSHA", strings.Repeat("f", 40), 0), "QUEUED"},
			{eval("return redis.call('GET', KEYS[1])"), "QUEUED"},
			{cmd("EXEC"), list("OK", wrongType, redistest.Error("NOSCRIPT"), "1")},
		},
		"connections": {
			{cmd("CLIENT", "SETNAME", "x"), "OK"},
			{cmd("CLIENT", "GETNAME"), "x"},
			{cmd("SELECT", 0), "OK"}, // REDIS_URL may name another
			{cmd("SET", key, 1), "OK"},
			{cmd("SELECT", 3), "OK"},
			{cmd("GET", key), nil},
			{eval("return redis.call('SET', KEYS[1], 'x')"), "OK"},
			{cmd("SELECT", 0), "OK"},
			{cmd("GET", key), "1"},
			{cmd("PING"), "PONG"},
			{cmd("ECHO", "a\x00"), "a\x00"},
		},
		"scripts": {
			{cmd("SCRIPT", "LOAD", "return 'one'"), "5c4db9daf4a178b26f7263e1a87525e55ce4c5c9"},
			{cmd("EVALSHA", "5c4db9daf4a178b26f7263e1a87525e55ce4c5c9", 0), "one"},
			{cmd("SCRIPT", "EXISTS", "5c4db9daf4a178b26f7263e1a87525e55ce4c5c9", "x"), list(int64(1), int64(0))},
			{eval("return {1, 2.9, 'x', {false, true}, nil, 3}"),
				list(int64(1), int64(2), "x", list(nil, int64(1)))},
			{eval("return {redis.status_reply('S'), redis.error_reply('E x')}"), list("S", redistest.Error("E"))},
			{eval("return redis.error_reply('E x')"), redistest.Error("E")},
			{eval("redis.call('RPUSH', KEYS[1], 1) return redis.pcall('INCR', KEYS[1])"), wrongType},
			{eval("return redis.pcall('INCR', KEYS[1]).err"), "WRONGTYPE Operation against a key holding the wrong kind of value"},
			{eval("return redis.call('INCR', KEYS[1]) or 0"), redistest.Error("")}, // first words differ
			{eval("return {redis.call('HGET', KEYS[1] .. 'x', 'f') == false, redis.call('HMGET', KEYS[1] .. 'x', 'f')[1] == false}"),
				list(int64(1), int64(1))},
			{eval("return {redis.call('ZSCORE', KEYS[1] .. 'x', 'f') == false, redis.call('LPOP', KEYS[1] .. 'x', 2) == false}"),
				list(int64(1), int64(1))},
			{eval("return redis.call('SET', KEYS[1] .. 's', 'v').ok"), "OK"},
			{eval("return redis.call('TYPE', KEYS[1]).ok"), "list"},
			{eval("return string.format('%.3f %.6f %d', 1700000000000.1234, 0.1 + 0.2, 3)"), "1700000000000.123 0.300000 3"},
			{eval("return #ARGV[1] .. ARGV[1] .. '\\0'", "a\x00\xff"), "3a\x00\xff\x00"},
			{eval("return {string.find(ARGV[1], '\\0', 1, true)}", "a\x00b"), list(int64(2), int64(2))},
			{eval("return cjson.decode(cjson.encode({a = {1, 2}})).a[2]"), int64(2)},
			{eval("local t = {3, 1, 2} table.sort(t) return table.concat(t, ',')"), "1,2,3"},
			{eval("return math.max(1, tonumber('1700000000000.5')) % 7 .. ''"), "1.5"},
			{eval("undeclared = 1"), redistest.Error("ERR")},
			{eval("not lua"), redistest.Error("ERR")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, url string) {
				c, own := redistest.Client(t, url), redistest.Name(t)
				for _, s := range steps {
					args := append([]any{}, s.cmd...)
					for i := range args {
						if args[i] == key {
							args[i] = own
						}
					}
					require.Equal(t, s.want, firstWords(c.Pipeline(args)[0], s.want), "%q", s.cmd)
				}
			})
		})
	}
}

// firstWords shortens an error to its first word, or to nothing where no word is wanted.
func firstWords(reply, want any) any {
	switch r := reply.(type) {
	case redistest.Error:
		if want == redistest.Error("") {
			return want
		}
		first, _, _ := strings.Cut(string(r), " ")
		return redistest.Error(first)
	case []any:
		wants, _ := want.([]any)
		out := make([]any, len(r))
		for i := range r {
			out[i] = firstWords(r[i], nil)
		}
		if len(wants) == 0 && len(out) == 0 {
			return want
		}
		return out
	}
	return reply
}

// TestVectorScripts: calls as large as the engine's batches.
func TestVectorScripts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		c, key := redistest.Client(t, url), redistest.Name(t)
		args := make([]any, 2*256)
		for i := range args {
			args[i] = strings.Repeat("x", i)
		}
		require.EqualValues(t, 256, c.Eval("return redis.call('HSET', KEYS[1], unpack(ARGV))", []string{key}, args...))
		require.Len(t, c.Eval("return redis.call('HMGET', KEYS[1], unpack(ARGV))", []string{key}, args...), 512)
		require.EqualValues(t, 4000, c.Eval("local t = {} for i = 1, 4000 do t[i] = i end return select('#', unpack(t))", nil))

		large := strings.Repeat("y", 4<<20)
		require.Equal(t, large, c.Eval("return ARGV[1]", nil, large))
	})
}

// TestScriptFlush needs a server of its own: it forgets the scripts of everybody.
func TestScriptFlush(t *testing.T) {
	t.Parallel()
	c := redistest.Client(t, start(t).URL())
	sha := c.String("SCRIPT", "LOAD", "return 7")
	require.EqualValues(t, 7, c.Do("EVALSHA", sha, 0))
	c.Do("SCRIPT", "FLUSH")
	_, err := c.DoErr("EVALSHA", sha, 0)
	require.ErrorContains(t, err, "NOSCRIPT")
	require.EqualValues(t, 7, c.Do("EVAL", "return 7", 0))
	require.EqualValues(t, 7, c.Do("EVALSHA", sha, 0))
}

// TestAuth: there is no password, and sending one is answered as Redis does.
func TestAuth(t *testing.T) {
	t.Parallel()
	c := redistest.Client(t, start(t).URL())
	_, err := c.DoErr("AUTH", "p")
	require.ErrorContains(t, err, "without any password configured")
	_, err = c.DoErr("AUTH", "u", "p")
	require.ErrorContains(t, err, "WRONGPASS")
}

// TestMissing is the list in the package's documentation. When an entry starts to work, strike it out there.
func TestMissing(t *testing.T) {
	t.Parallel()
	c := redistest.Client(t, start(t).URL())
	for _, missing := range []string{
		"INFO server", "INFO commandstats", "INFO memory", "CLIENT ID", "CLIENT KILL ID 1", "CLIENT LIST",
		"CLIENT PAUSE 1", "CONFIG GET maxmemory", "ROLE", "RESET", "ACL WHOAMI", "DEBUG SLEEP 0", "FUNCTION LIST",
		"MONITOR", "SHUTDOWN", "BLMPOP 1 1 a LEFT", "SORT a", "LCS a b", "OBJECT ENCODING a", "SPUBLISH a b",
		"EVAL return(cmsgpack) 0", "EVAL return(bit) 0", "EVAL return(struct) 0",
	} {
		var args []any
		for _, word := range strings.Fields(missing) {
			args = append(args, word)
		}
		_, err := c.DoErr(args...)
		require.Error(t, err, missing)
	}
}
