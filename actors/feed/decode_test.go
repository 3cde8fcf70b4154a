package feed

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// A page that is not what the script's header promises is an error, and neither a
// panic nor a reason to ask for much memory. One that is taken for whole leaves what
// follows alone.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"*6\r\n:1\r\n$1\r\n5\r\n$1\r\na\r\n$0\r\n\r\n$1\r\na\r\n$1\r\nb\r\n", "*6\r\n:1\r\n$1\r\n5\r\n", "*5\r\n:1\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n",
		"*8\r\n:1\r\n$0\r\n\r\n:0\r\n:1\r\n$1\r\n1\r\n:1\r\n$1\r\n1\r\n$-1\r\n", "*8\r\n:1\r\n$0\r\n\r\n:-1\r\n:-1\r\n$1\r\n1\r\n:9223372036854775807\r\n$1\r\n1\r\n$-1\r\n",
		"*16777216\r\n:1\r\n", "*-9\r\n",
	} {
		f.Add(s)
	}
	const end = "+what follows\r\n"
	f.Fuzz(func(t *testing.T, reply string) {
		br := bufio.NewReader(strings.NewReader(reply + end))
		if _, err := readPage(wire.NewReader(br), 1); err != nil {
			return
		}
		if rest, _ := io.ReadAll(br); !strings.HasSuffix(string(rest), end) {
			t.Errorf("what follows %q has been read", reply)
		}
	})
}
