package queue

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// A reply that is not what the script's header promises is an error, and neither a
// panic nor a reason to ask for much memory. One that is taken for whole leaves what
// follows alone.
func FuzzDecode(f *testing.F) {
	take := "*3\r\n:1\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
	for _, s := range []string{
		take, take[:len(take)-1], strings.Replace(take, "*2", "*-9", 1), strings.Replace(take, "*2", "*3", 1), strings.Replace(take, "*2", "*16777216", 1),
		strings.Replace(take, "*3", "*2", 1), strings.Replace(take, "$1", "$-5", 1), "*3\r\n:-1\r\n$1\r\n1\r\n*0\r\n", "*4\r\n:1\r\n:2\r\n:0\r\n*2\r\n$1\r\na\r\n$-1\r\n",
		"*3\r\n:1\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n", ":1\r\n",
	} {
		f.Add(s)
	}
	const end = "+what follows\r\n"
	f.Fuzz(func(t *testing.T, reply string) {
		decoders := map[string]func(r wire.Reader) error{
			"take":   (&taking{}).Decode,
			"return": (&returning{Request: wire.Request{Groups: 1}}).Decode,
			"page":   func(r wire.Reader) error { _, err := readPage(r, 1); return err },
			"scan":   func(r wire.Reader) error { _, err := readScan(r, 1); return err },
		}
		for name, decode := range decoders {
			br := bufio.NewReader(strings.NewReader(reply + end))
			if decode(wire.NewReader(br)) != nil {
				continue
			}
			if rest, _ := io.ReadAll(br); !strings.HasSuffix(string(rest), end) {
				t.Errorf("%s has read what follows %q", name, reply)
			}
		}
	})
}
