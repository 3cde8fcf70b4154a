package job

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
	claim := "*6\r\n:1\r\n$1\r\n0\r\n$1\r\nt\r\n:1\r\n:600000\r\n*4\r\n$1\r\na\r\n$1\r\nb\r\n:0\r\n:1\r\n"
	for _, s := range []string{
		claim, claim[:len(claim)-1], strings.Replace(claim, "*4", "*-9", 1), strings.Replace(claim, "*4", "*5", 1), strings.Replace(claim, "*4", "*16777216", 1),
		strings.Replace(claim, ":600000", ":-9223372036854775808", 1), strings.Replace(claim, "*6", "*7", 1), strings.Replace(claim, "$1", "$-5", 1),
		"*12\r\n:1\r\n:-10\r\n:0\r\n:0\r\n:0\r\n:1\r\n:0\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n",
		"*3\r\n:1\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n", "*9\r\n:1\r\n$0\r\n\r\n$-1\r\n:0\r\n$-1\r\n$-1\r\n:0\r\n:0\r\n$-1\r\n", ":1\r\n", ":1\r\n:0\r\n",
	} {
		f.Add(s)
	}
	const end = "+what follows\r\n"
	f.Fuzz(func(t *testing.T, reply string) {
		decoders := map[string]func(r wire.Reader) error{
			"claim":    (&claiming{want: 256, owner: &owner{}}).Decode,
			"settle":   (&settling{Request: wire.Request{Groups: 1}}).Decode,
			"finish":   (&execution{Request: wire.Request{Groups: 1}}).Decode,
			"extend":   (&renewing{Request: wire.Request{Groups: 2}}).Decode,
			"maintain": (&maintaining{}).Decode,
			"scan":     func(r wire.Reader) error { _, err := readScan(r, 1); return err },
			"info":     func(r wire.Reader) error { _, err := readInfo(r, 1); return err },
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
