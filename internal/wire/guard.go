package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"

	"github.com/mediocregopher/radix/v4/resp"
)

// What commands that are not scripts are answered with is short: a version, the nodes of a cluster.
const (
	maxShort    = 1 << 20 // bytes of a string
	maxElements = 1 << 16 // of an array
	maxDepth    = 8       // of arrays in arrays
	maxHeader   = 32      // bytes of a header
)

var errReply = errors.New("wire: this is no reply of Redis")

// A guard keeps radix from believing what a server claims. radix makes room for as many bytes and elements as a header
// announces, and descends into arrays as deep as they come: a few bytes of something that is not Redis would end the
// process. Scripts and pops do not need a guard: a Reader reads their replies, which may be large.
//
// It sees each header twice: radix looks at the first byte of a value, and then reads the line.
type guard struct {
	*bufio.Reader
	begun bool    // the header of a value was looked at
	size  int64   // elements that it announces
	open  []int64 // elements that are still to come, of each array
	bad   error   // why nothing more is read
}

// unguarded is the reader below a guard.
func unguarded(br resp.BufferedReader) resp.BufferedReader {
	if g, ok := br.(*guard); ok {
		return g.Reader
	}
	return br
}

// Peek implements resp.BufferedReader.
func (g *guard) Peek(n int) ([]byte, error) {
	if n == 1 && !g.begun && g.bad == nil {
		g.bad = g.check()
	}
	if g.bad != nil {
		return nil, g.bad
	}
	return g.Reader.Peek(n)
}

// ReadSlice implements resp.BufferedReader.
func (g *guard) ReadSlice(delim byte) ([]byte, error) {
	if g.begun {
		g.begun = false
		g.count()
	}
	return g.Reader.ReadSlice(delim)
}

// check looks at the header of the next value.
func (g *guard) check() error {
	b, err := g.Reader.Peek(1)
	if err != nil {
		return err
	}
	g.begun, g.size = true, 0
	kind := b[0]
	switch kind {
	case '+', '-', ':':
		return nil
	case '$', '*':
	default:
		return fmt.Errorf("%w: it begins with %q", errReply, kind)
	}
	n, err := g.announced()
	switch {
	case err != nil:
		return err
	case n < -1 || kind == '$' && n > maxShort || kind == '*' && (n > maxElements || len(g.open) >= maxDepth):
		return fmt.Errorf("%w: %q announces %d, %d deep", errReply, kind, n, len(g.open))
	case kind == '*':
		g.size = max(n, 0)
	}
	return nil
}

// announced is the number in the header.
func (g *guard) announced() (int64, error) {
	for n := 4; n <= maxHeader; n++ {
		b, err := g.Reader.Peek(n)
		if end := bytes.Index(b, []byte("\r\n")); end > 0 {
			return parseInt(b[1:end])
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: a header has no end", errReply)
}

// count takes note of a value that begins: which arrays it ends, and whether it is one.
func (g *guard) count() {
	if last := len(g.open) - 1; last >= 0 {
		g.open[last]--
	}
	if g.size > 0 {
		g.open = append(g.open, g.size)
	}
	for last := len(g.open) - 1; last >= 0 && g.open[last] == 0; last-- {
		g.open = g.open[:last]
	}
}
