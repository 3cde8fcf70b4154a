package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// What Redis answers is read with the type that the script promises; anything
// else is an error. It never panics, for it runs on the connection's goroutine,
// and leaves what follows alone.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"*1\r\n$1\r\na\r\n", "*1\r\n:1\r\n", "*1\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n", "*1\r\n$-1\r\n", "*-1\r\n", "-ERR x\r\n",
		"*1\r\n$9223372036854775807\r\n", "*1\r\n*9223372036854775807\r\n", "*1\r\n*1\r\n", "*1\r\n*-5\r\n", "*1\r\n$-9\r\n",
		":\r\n", "\n", "*\n", "*1", "$1\r\na", "*1\r\n:99999999999999999999\r\n", "+OK\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		reads := []func(r wire.Reader) error{
			func(r wire.Reader) error { _, err := r.Int(); return err },
			func(r wire.Reader) error { _, err := r.Bytes(); return err },
			func(r wire.Reader) error { _, _, err := r.BytesOrStatus(); return err },
			func(r wire.Reader) error { _, _, err := r.String(); return err },
			func(r wire.Reader) error { _, err := r.Len(); return err },
			func(r wire.Reader) error { _, err := r.Strings(); return err },
		}
		for i, read := range reads {
			c := wire.NewCall(note, 1, wire.NewArgs(1, 1).String("w"), func(r wire.Reader, _ int) (struct{}, error) {
				return struct{}{}, read(r)
			})
			// What stands behind the reply must still be there if it was taken for a
			// whole one: the fake connection tells when it is not.
			lane, redis := fake(replies(reply))
			o := newOutbox("n", lane, time.Minute)
			o.Add(c)
			pump(t, o)
			_, _ = c.Wait(t.Context(), nil)
			assert.Len(t, redis.sent(), 1+strings.Count(reply[:min(len(reply), 9)], "-NOSCRIPT"), "read %d", i)
		}
	})
}

// The decoders of the catalog are no less careful.
func FuzzDecoders(f *testing.F) {
	for _, s := range []string{"*2\r\n:1\r\n$4\r\nfeed\r\n", "*0\r\n", "*1\r\n:1\r\n", "*2\r\n:1\r\n*1\r\n$1\r\na\r\n", "*2\r\n$1\r\n0\r\n*-1\r\n", "*3\r\n:-1\r\n$0\r\n\r\n$0\r\n\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		if strings.HasPrefix(reply, "-") {
			return // a refusal
		}
		for _, c := range []wire.Command{
			catalog.Create(contract.Plain, "n", "i", "feed", nil, true), catalog.Delete(contract.Plain, "n", "i"), catalog.ReadConfig(contract.Plain, "n"), catalog.List(contract.Plain, "n", true), catalog.Names("0", 10),
		} {
			lane, _ := fake(replies("*1\r\n" + reply))
			o := newOutbox("n", lane, -1)
			o.Add(c)
			pump(t, o)
		}
	})
}

// Reading stops where the element ends, whatever its length says.
func TestReaderLengths(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{"*1\r\n$9223372036854775807\r\nx", "*1\r\n$536870913\r\nx", "*1\r\n*9223372036854775807\r\n$1\r\na\r\n", "*1\r\n*2147483647\r\n$1\r\na\r\n"} {
		for name, read := range map[string]func(r wire.Reader) error{
			"Bytes":   func(r wire.Reader) error { _, err := r.Bytes(); return err },
			"Strings": func(r wire.Reader) error { _, err := r.Strings(); return err },
		} {
			c := wire.NewCall(note, 1, wire.NewArgs(1, 1).String("w"), func(r wire.Reader, _ int) (int, error) { return 0, read(r) })
			lane, _ := fake(replies(reply))
			o := newOutbox("n", lane, time.Minute)
			o.Add(c)
			pump(t, o)
			_, err := c.Wait(t.Context(), nil)
			assert.True(t, isUnknown(err), "%s of %q: %v", name, reply, err)
		}
	}
}
