package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// A small RESP2 of our own: the peer in our tests must not share its mistakes with the library under test.

// Error is an error reply of the server, for example "ERR syntax error".
type Error string

func (e Error) Error() string { return string(e) }

var errProtocol = errors.New("redistest: not RESP")

// appendCommand appends a command to buf. Arguments are strings, []byte, booleans (1 or 0) and numbers.
func appendCommand(buf []byte, args []any) []byte {
	buf = fmt.Appendf(buf, "*%d\r\n", len(args))
	for _, arg := range args {
		b := argBytes(arg)
		buf = fmt.Appendf(buf, "$%d\r\n", len(b))
		buf = append(append(buf, b...), '\r', '\n')
	}
	return buf
}

func argBytes(arg any) []byte {
	switch a := arg.(type) {
	case string:
		return []byte(a)
	case []byte:
		return a
	case bool:
		if a {
			return []byte("1")
		}
		return []byte("0")
	case float64:
		return strconv.AppendFloat(nil, a, 'f', -1, 64)
	default:
		return fmt.Append(nil, a)
	}
}

// readReply reads one reply: string, int64, nil, Error or []any of these.
func readReply(br *bufio.Reader) (any, error) {
	line, err := br.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 3 {
		return nil, errProtocol
	}
	kind, text := line[0], string(line[1:len(line)-2])
	switch kind {
	case '+':
		return text, nil
	case '-':
		return Error(text), nil
	case ':':
		return strconv.ParseInt(text, 10, 64)
	}
	n, err := strconv.Atoi(text)
	if err != nil || (kind != '$' && kind != '*') {
		return nil, fmt.Errorf("%w: %q", errProtocol, line)
	}
	if n < 0 {
		return nil, nil
	}
	if kind == '$' {
		b := make([]byte, n+2)
		if _, err := io.ReadFull(br, b); err != nil {
			return nil, err
		}
		return string(b[:n]), nil
	}
	list := make([]any, n)
	for i := range list {
		if list[i], err = readReply(br); err != nil {
			return nil, err
		}
	}
	return list, nil
}
