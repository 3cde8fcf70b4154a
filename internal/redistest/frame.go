package redistest

import (
	"bytes"
	"strconv"
	"strings"
)

// frameLen is the length of the first whole RESP2 or RESP3 value in b: a reply, a pushed message, or a request, which
// may also be a plain line. It is 0 if b ends before the value does, and -1 if b is not RESP.
func frameLen(b []byte) int {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0
	}
	at, elements := end+1, 0
	switch b[0] {
	case '$', '=', '!':
		n, ok := headerNumber(b[1:end])
		if !ok {
			return -1
		}
		if n >= 0 {
			at += n + 2
		}
	case '*', '~', '>', '%', '|':
		n, ok := headerNumber(b[1:end])
		if !ok {
			return -1
		}
		elements = n
		if b[0] == '%' || b[0] == '|' {
			elements *= 2
		}
	}
	for range elements {
		if at >= len(b) {
			return 0
		}
		n := frameLen(b[at:])
		if n <= 0 {
			return n
		}
		at += n
	}
	if at > len(b) {
		return 0
	}
	return at
}

// headerNumber is the number in a line like "3\r"; -1 stands for a missing value.
func headerNumber(line []byte) (n int, ok bool) {
	n, err := strconv.Atoi(string(bytes.TrimSuffix(line, []byte{'\r'})))
	return n, err == nil && n >= -1
}

// commandName is the upper-case name of the command in a request frame.
func commandName(frame []byte) string {
	if len(frame) == 0 || frame[0] != '*' {
		name, _, _ := strings.Cut(strings.TrimSpace(string(frame)), " ")
		return strings.ToUpper(name)
	}
	_, rest, _ := bytes.Cut(frame, []byte("\r\n")) // the number of arguments
	_, rest, _ = bytes.Cut(rest, []byte("\r\n"))   // the length of the first
	name, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return strings.ToUpper(string(name))
}

// pushes reports whether, after this command, the server sends what was not asked for.
func pushes(command string) bool {
	switch command {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SYNC", "PSYNC":
		return true
	}
	return false
}
