package wire

import (
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// Args is a command's groups of arguments, encoded as RESP by the caller's own
// goroutine: the actor only copies bytes, and the caller may reuse its slices
// as soon as its call has returned, whatever became of the command.
type Args []byte

// perArg is what the encoding of an argument adds to it at most, if it has less than a
// million bytes.
const perArg = 12

// NewArgs returns an Args with room for size payload bytes in n arguments.
func NewArgs(n, size int) Args { return make(Args, 0, size+n*perArg) }

// Number appends room for a command's number. It has to be the first argument;
// the batch fills it in when it is written.
func (a Args) Number() Args { return append(a, "$16\r\n0000000000000000\r\n"...) }

// NumberIf appends room for the command's number, or an empty argument: the number of
// the group before.
func (a Args) NumberIf(first bool) Args {
	if first {
		return a.Number()
	}
	return a.String("")
}

// setNumber fills in the room that Number made.
func (a Args) setNumber(n uint64) {
	const at = len("$16\r\n")
	digits := a[at : at+16]
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
}

// Bytes appends b as one argument.
func (a Args) Bytes(b []byte) Args { return Args(appendBulk(a, b)) }

// Marked appends b with a byte in front of it as one argument.
func (a Args) Marked(mark byte, b []byte) Args {
	a = append(a, '$')
	a = strconv.AppendInt(a, int64(1+len(b)), 10)
	a = append(a, '\r', '\n', mark)
	a = append(a, b...)
	return append(a, '\r', '\n')
}

// String appends s as one argument.
func (a Args) String(s string) Args { return Args(appendBulk(a, s)) }

// Int appends n in decimal as one argument.
func (a Args) Int(n int64) Args { return Args(appendInt(a, n)) }

func appendBulk[T string | []byte](buf []byte, s T) []byte {
	buf = append(buf, '$')
	buf = strconv.AppendInt(buf, int64(len(s)), 10)
	buf = append(buf, '\r', '\n')
	buf = append(buf, s...)
	return append(buf, '\r', '\n')
}

func appendInt(buf []byte, n int64) []byte {
	var digits [20]byte
	return appendBulk(buf, strconv.AppendInt(digits[:0], n, 10))
}

// appendKey appends k.Of(name) without building the string.
func appendKey(buf []byte, k contract.Key, name string) []byte {
	if k.Global() {
		name = ""
	}
	buf = append(buf, '$')
	buf = strconv.AppendInt(buf, int64(len(k)+len(name)), 10)
	buf = append(buf, '\r', '\n')
	buf = append(buf, k...)
	buf = append(buf, name...)
	return append(buf, '\r', '\n')
}

// appendLongKey appends k.Of(name) + ":" + suffix.
func appendLongKey(buf []byte, k contract.Key, name, suffix string) []byte {
	buf = append(buf, '$')
	buf = strconv.AppendInt(buf, int64(len(k)+len(name)+1+len(suffix)), 10)
	buf = append(buf, '\r', '\n')
	buf = append(buf, k...)
	buf = append(buf, name...)
	buf = append(buf, ':')
	buf = append(buf, suffix...)
	return append(buf, '\r', '\n')
}
