package pubsubhub

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var goodFrames = []struct {
	raw              string
	verb             verb
	name             string
	channel, payload string
}{
	{rawMessage("news", "hello"), message, "news", "", "hello"},
	{rawMessage("", ""), message, "", "", ""},
	{rawMessage("news", "\r\n$5\r\n\x00\xff"), message, "news", "", "\r\n$5\r\n\x00\xff"},
	{rawPMessage("n*", "news", "hello"), pmessage, "n*", "news", "hello"},
	{">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n", message, "a", "", "b"},
	{"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:12\r\n", subscribe, "a", "", ""},
	{"*3\r\n$12\r\npunsubscribe\r\n$1\r\na\r\n:0\r\n", punsubscribe, "a", "", ""},
	{"-NOPERM no\r\n", refusal, "NOPERM no", "", ""},
}

func TestParseFrame(t *testing.T) {
	for _, c := range goodFrames {
		f, n, err := parseFrame([]byte(c.raw + "*3\r\n"))
		require.NoError(t, err, "%q", c.raw)
		require.Equal(t, len(c.raw), n, "%q", c.raw)
		require.Equal(t, c.verb, f.verb)
		require.Equal(t, c.name, string(f.name))
		if c.verb == message || c.verb == pmessage {
			require.NotNil(t, f.event.Payload)
			require.Equal(t, c.payload, string(f.event.Payload))
			require.Equal(t, c.channel, f.event.Channel)
		}
		for i := range len(c.raw) {
			_, _, err := parseFrame([]byte(c.raw[:i]))
			require.ErrorIs(t, err, errShort, "%q", c.raw[:i])
		}
	}
}

func TestParseFrameMalformed(t *testing.T) {
	for _, raw := range []string{
		"\r\n", "\n", "+OK\r\n", "-\r\n", "*\r\n", "*2\r\n", "*33\r\n", "$3\r\nabc\r\n", "HTTP/1.1 400 Bad Request\r\n",
		"*3\r\n:1\r\n", "*3\r\n$-1\r\n", "*3\r\n$x\r\n", "*3\r\n$536870913\r\n", "*3\r\n$99999999999999999999\r\n",
		"*3\r\n$4\r\npong\r\n", "*4\r\n$7\r\nmessage\r\n", "*3\r\n$8\r\npmessage\r\n", "*3\r\n$7\r\nmessageXY",
		"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n$1\r\nb\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:-1\r\n", "*3\n",
		strings.Repeat("x", maxLine),
	} {
		_, _, err := parseFrame([]byte(raw))
		require.ErrorIs(t, err, errMalformed, "%q", raw[:min(len(raw), 50)])
	}
}

// What is read does not depend on where reads end: the frames of the whole are those of the parts.
func FuzzParseFrame(f *testing.F) {
	for _, c := range goodFrames {
		f.Add([]byte(c.raw+rawMessage("a", "b")), 3)
	}
	f.Add([]byte("*3\r\n$7\r\nmessage\r\n$536870912\r\n"), 9)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		whole, n, err := parseFrame(b)
		if err == nil && (n <= 0 || n > len(b)) {
			t.Fatalf("length %d of %d", n, len(b))
		}
		if cut < 0 || cut >= len(b) {
			return
		}
		part, m, partErr := parseFrame(b[:cut:cut])
		switch {
		case partErr == nil:
			if err != nil || m != n || part.verb != whole.verb || string(part.name) != string(whole.name) {
				t.Fatalf("%v %v of the part, %v %v of the whole", part, partErr, whole, err)
			}
		case partErr != errShort && err == nil:
			t.Fatalf("%v of the part, the whole is fine", partErr)
		}
	})
}
