package redistest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFrameLen(t *testing.T) {
	t.Parallel()
	for _, frame := range []string{
		"+OK\r\n", "-ERR no\r\n", ":1\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n", "$2\r\n\r\n\r\n",
		"*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n", "%1\r\n+a\r\n:1\r\n", ">2\r\n+a\r\n+b\r\n", "PING\r\n",
	} {
		whole := frame + "+next\r\n"
		require.Equal(t, len(frame), frameLen([]byte(whole)), "%q", frame)
		for i := range frame {
			require.Zero(t, frameLen([]byte(frame[:i])), "%q", frame[:i])
		}
	}
	require.Equal(t, -1, frameLen([]byte("$x\r\n")))
	require.Equal(t, -1, frameLen([]byte("*1\r\n$-7\r\n")))
}

func TestCommandName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "PSUBSCRIBE", commandName([]byte("*2\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n")))
	require.Equal(t, "PING", commandName([]byte("ping me\r\n")))
	require.Empty(t, commandName(nil))
}

func FuzzFrameLen(f *testing.F) {
	f.Add("*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n")
	f.Add(strings.Repeat("*1\r\n", 50))
	f.Fuzz(func(t *testing.T, s string) {
		n := frameLen([]byte(s))
		require.LessOrEqual(t, n, len(s))
		if n > 0 { // a frame's length does not depend on what follows, and no part of it is whole
			require.Equal(t, n, frameLen([]byte(s[:n])))
			require.LessOrEqual(t, frameLen([]byte(s[:n-1])), 0)
		}
	})
}
