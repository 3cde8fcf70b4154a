package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// Whatever comes back for a batch of several calls: each of them is answered, once,
// and none that was refused or not answered is taken for done. Nothing panics, for it
// would be on the connection's goroutine.
func FuzzBatch(f *testing.F) {
	whole := "*2\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n:1\r\n*1\r\n*2\r\n:1\r\n$1\r\nd\r\n"
	for _, s := range []string{
		whole, whole[:len(whole)-3], whole + "*1\r\n", strings.Replace(whole, ":1", "$1\r\nx", 1),
		strings.Replace(whole, "*2\r\n$1", "*3\r\n$1", 1), strings.Replace(whole, "*2\r\n$1", "*1\r\n$1", 1),
		strings.Replace(whole, "$1", "$-1", 1), strings.Replace(whole, "$1", "$536870912", 1), strings.Replace(whole, "*2", "*16777216", 2),
		"-NOSCRIPT no\r\n*1\r\n:1\r\n*1\r\n*2\r\n:1\r\n$1\r\nd\r\n", "-OOM no\r\n-LOADING\r\n-NOPERM @user_script:1.\r\n",
		"*2\r\n$1\r\na\r\n$1\r\nb\r\n-WRONGTYPE x\r\n*1\r\n*2\r\n:1\r\n$1\r\nd\r\n", "-MOVED 1 a:1\r\n-ASK 1 a:1\r\n-READONLY\r\n",
		"-NOSCRIPT\r\n-NOSCRIPT\r\n-NOSCRIPT\r\n", "-ERR @user_script: 99999999999999999999 x\r\n*-1\r\n*-1\r\n", "$0\r\n\r\n", "_\r\n", "", "-\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		// One answer of each sort; a further attempt finds the connection gone.
		lane, _ := fake(replies(reply), lost)
		o := newOutbox("n", lane, -1)
		a, b := noting(note, "a"), repeatable(noting(note, "b"))
		c := wire.NewCall(other, 1, wire.NewArgs(1, 1).String("c"), wire.Worst)
		d := wire.NewSingle(note, 1, wire.NewArgs(1, 1).String("d"), func(r wire.Reader, _ int) (string, error) {
			if err := r.Array(2); err != nil {
				return "", err
			}
			if _, err := r.Int(); err != nil {
				return "", err
			}
			s, _, err := r.String()
			return s, err
		})
		d.ReadOnly = true
		for _, cmd := range []wire.Command{a, b, c, d} {
			o.Add(cmd)
		}
		pump(t, o)
		for i, one := range []call{a, b, d} {
			v, err := answer(t, one)
			if err == nil {
				assert.Contains(t, reply, v, "call %d", i)
			} else {
				assert.True(t, isUnknown(err) || isNotSent(err), "call %d: %v", i, err)
				assert.Empty(t, v)
			}
		}
		if n, err := c.Wait(t.Context(), nil); err == nil {
			assert.Contains(t, reply, ":")
		} else {
			assert.Zero(t, n)
		}
	})
}
