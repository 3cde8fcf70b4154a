package wire

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/mediocregopher/radix/v4/resp"
)

// Reader reads the elements of a script's reply, each with the method of the
// type that the script's header promises. Any other type is an error after which
// the connection is closed: the stream can no longer be trusted.
type Reader struct{ br resp.BufferedReader }

// NewReader reads what comes on a connection, whatever its size.
func NewReader(br resp.BufferedReader) Reader { return Reader{unguarded(br)} }

// What Redis can answer at most. Anything larger is no reply, and memory for it must
// not be asked for.
const (
	maxBulk  = 512 << 20 // bytes
	maxArray = 1 << 24   // elements
)

var errMalformed = errors.New("wire: malformed string in a reply")

// Refusal reads the error that Redis answered; without one it is empty, and nothing was
// read.
func (r Reader) Refusal() (string, error) {
	if kind, err := r.br.Peek(1); err != nil || kind[0] != '-' {
		return "", err
	}
	_, line, err := r.line()
	return string(line), err
}

// Int reads an integer.
func (r Reader) Int() (int64, error) {
	kind, line, err := r.line()
	if err != nil {
		return 0, err
	}
	if kind != ':' {
		return 0, unexpected(kind, "an integer")
	}
	return parseInt(line)
}

// Bytes reads a bulk string into memory of its own; nil when it is null.
func (r Reader) Bytes() ([]byte, error) {
	n, err := r.bulk()
	if err != nil || n < 0 {
		return nil, err
	}
	return r.take(n)
}

// first is how much memory is asked for before any of a string has come.
const first = 1 << 20

// take reads n bytes and the end of the line.
func (r Reader) take(n int) ([]byte, error) {
	b := make([]byte, min(n, first))
	if _, err := io.ReadFull(r.br, b); err != nil {
		return nil, err
	}
	if n > first {
		whole := make([]byte, n)
		copy(whole, b)
		if _, err := io.ReadFull(r.br, whole[first:]); err != nil {
			return nil, err
		}
		b = whole
	}
	end, err := r.br.Peek(2)
	if err == nil && string(end) != "\r\n" {
		err = errMalformed
	}
	if err != nil {
		return nil, err
	}
	_, err = r.br.Discard(2)
	return b, err
}

// bulk reads the header of a bulk string and returns its length; -1 when it is null.
func (r Reader) bulk() (int, error) {
	kind, line, err := r.line()
	if err != nil {
		return 0, err
	}
	if kind != '$' {
		return 0, unexpected(kind, "a string")
	}
	n, err := parseInt(line)
	if n > maxBulk {
		return 0, fmt.Errorf("wire: a string of %d bytes in a reply", n)
	}
	return int(max(n, -1)), err
}

// BytesOrStatus reads a bulk string, which may be null, or an integer.
func (r Reader) BytesOrStatus() (b []byte, status int64, err error) {
	if kind, err := r.br.Peek(1); err != nil {
		return nil, 0, err
	} else if kind[0] == ':' {
		status, err = r.Int()
		return nil, status, err
	}
	b, err = r.Bytes()
	return b, 0, err
}

// String reads a bulk string; ok is false when it is null.
func (r Reader) String() (s string, ok bool, err error) {
	n, err := r.bulk()
	if err != nil || n < 0 {
		return "", false, err
	}
	if n+2 <= r.br.Buffered() { // most are: one copy less
		b, err := r.br.Peek(n + 2)
		if err == nil && string(b[n:]) != "\r\n" {
			err = errMalformed
		}
		if err != nil {
			return "", false, err
		}
		s = string(b[:n])
		_, err = r.br.Discard(n + 2)
		return s, true, err
	}
	b, err := r.take(n)
	return string(b), err == nil, err
}

// Len reads an array's header and returns its length; -1 when it is null.
func (r Reader) Len() (int, error) {
	kind, line, err := r.line()
	if err != nil {
		return 0, err
	}
	if kind != '*' {
		return 0, unexpected(kind, "an array")
	}
	n, err := parseInt(line)
	if n > maxArray || n < -1 {
		return 0, fmt.Errorf("wire: an array of %d elements in a reply", n)
	}
	return int(n), err
}

// Array reads the header of an array that has to have n elements.
func (r Reader) Array(n int) error {
	is, err := r.Len()
	if err == nil && is != n {
		err = fmt.Errorf("wire: an array of %d elements instead of %d in a reply", is, n)
	}
	return err
}

// Rows reads the header of an array of rows, all of them of so many elements, and
// returns how many there are: at most so many.
func (r Reader) Rows(elements, most int) (int, error) {
	n, err := r.Len()
	if err == nil && (n < 0 || n%elements != 0 || n/elements > most) {
		err = fmt.Errorf("wire: an array of %d elements in a reply, instead of up to %d rows of %d", n, most, elements)
	}
	return n / elements, err
}

// Strings reads an array of bulk strings.
func (r Reader) Strings() ([]string, error) {
	n, err := r.Len()
	if err != nil || n <= 0 {
		return nil, err
	}
	list := make([]string, 0, min(n, 1024))
	for range n {
		s, _, err := r.String()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// start reads the first line of a call's reply: the number of elements, or the
// error that Redis answered instead.
func (r Reader) start() (n int, refusal string, err error) {
	kind, line, err := r.line()
	switch {
	case err != nil:
		return 0, "", err
	case kind == '-':
		return 0, string(line), nil
	case kind != '*':
		return 0, "", unexpected(kind, "an array")
	}
	l, err := parseInt(line)
	return int(l), "", err
}

func (r Reader) line() (kind byte, rest []byte, err error) {
	line, err := r.br.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return 0, nil, fmt.Errorf("wire: malformed reply line of %d bytes", len(line))
	}
	return line[0], line[1 : len(line)-2], nil
}

func parseInt(b []byte) (int64, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("wire: malformed number in a reply")
	}
	return n, nil
}

func unexpected(kind byte, want string) error {
	return fmt.Errorf("wire: reply has type %q instead of %s", kind, want)
}
