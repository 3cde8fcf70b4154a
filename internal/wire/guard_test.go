package wire

import (
	"bufio"
	"runtime"
	"strings"
	"testing"

	"github.com/mediocregopher/radix/v4/resp"
	"github.com/mediocregopher/radix/v4/resp/resp3"
	"github.com/stretchr/testify/require"
)

func guarded(stream string) *guard {
	return &guard{Reader: bufio.NewReader(strings.NewReader(stream))}
}

// receivers are what commands beside scripts read their replies into.
func receivers() []any {
	return []any{nil, new(string), new(int64), new([]int), new([]string), new(map[string]string), new([]map[string]string), new(any)}
}

// What Redis answers passes, one reply after the other.
func TestGuardPasses(t *testing.T) {
	t.Parallel()
	g := guarded("+OK\r\n" + "*2\r\n$3\r\nkey\r\n$-1\r\n" + ":-7\r\n" + "*-1\r\n" + "-ERR no\r\n" +
		"*1\r\n*1\r\n*1\r\n*1\r\n*2\r\n:1\r\n*0\r\n" + "$5\r\na\r\nbc\r\n" + strings.Repeat("*1\r\n*1\r\n*1\r\n:1\r\n", 9) + "$0\r\n\r\n")
	o := resp.NewOpts()
	read := func(want any) {
		t.Helper()
		var got any
		require.NoError(t, resp3.Unmarshal(g, &got, o))
		require.Equal(t, want, got)
		require.Empty(t, g.open)
	}
	read("OK")
	read([]any{[]byte("key"), []byte(nil)})
	read(int64(-7))
	read([]any(nil))
	var refusal resp3.SimpleError
	require.ErrorAs(t, resp3.Unmarshal(g, nil, o), &refusal)
	read([]any{[]any{[]any{[]any{[]any{int64(1), []any{}}}}}})
	read([]byte("a\r\nbc"))
	for range 9 {
		read([]any{[]any{[]any{int64(1)}}})
	}
	read([]byte{})
	require.Zero(t, g.Buffered())
}

// A few bytes neither end the process nor make it ask for much memory.
func TestGuardRefuses(t *testing.T) {
	for _, reply := range []string{
		"$-5\r\n", "$9223372036854775807\r\n", "$536870912\r\nx", "*9223372036854775807\r\n", "*16000000\r\n", "*-2\r\n", "$?\r\n", "*?\r\n",
		"$99999999999999999999999999999999999999\r\n", "$12", "$12\n", "$\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n:1\r\n", ">1\r\n:1\r\n", "|1\r\n+a\r\n+b\r\n", "_\r\n",
		"HTTP/1.1 400 Bad Request\r\n", "\x15\x03\x01\x00\x02\x02", strings.Repeat("*1\r\n", 1<<20), strings.Repeat("*2\r\n:1\r\n", 1<<20),
	} {
		for _, rcv := range receivers() {
			before := allocated()
			require.Error(t, resp3.Unmarshal(guarded(reply), rcv, resp.NewOpts()), "%.20q into %T", reply, rcv)
			require.Less(t, allocated()-before, uint64(16<<20), "%.20q into %T", reply, rcv)
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// Whatever comes, radix neither panics nor reads what is behind a reply.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "*1\r\n*1\r\n*-1\r\n", "$3\r\nabc\r\n", "$-5\r\n", "*4\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "-ERR\r\n"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, rcv := range receivers() {
			g := guarded(first + second)
			_ = resp3.Unmarshal(g, rcv, resp.NewOpts())
			_ = resp3.Unmarshal(g, rcv, resp.NewOpts())
		}
	})
}
