package pubsubhub

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

const (
	maxLine = 64 << 10  // of an error reply; every other line is short
	maxBulk = 512 << 20 // Redis' own bound of a string
)

var (
	errShort     = errors.New("pubsubhub: frame is not complete yet")
	errMalformed = errors.New("pubsubhub: Redis sent something that does not belong on a pub/sub connection")
)

// verb is what a frame is about. The four that change subscriptions are also the commands.
type verb string

const (
	message      verb = "message"
	pmessage     verb = "pmessage"
	subscribe    verb = "subscribe"
	unsubscribe  verb = "unsubscribe"
	psubscribe   verb = "psubscribe"
	punsubscribe verb = "punsubscribe"
	refusal      verb = "-"
)

// verbOf returns "" for what does not start a frame. It returns constants: converting b would allocate for each message.
func verbOf(b []byte) verb {
	switch string(b) {
	case string(message):
		return message
	case string(pmessage):
		return pmessage
	case string(subscribe):
		return subscribe
	case string(unsubscribe):
		return unsubscribe
	case string(psubscribe):
		return psubscribe
	case string(punsubscribe):
		return punsubscribe
	}
	return ""
}

func (v verb) pattern() bool { return v == pmessage || v == psubscribe || v == punsubscribe }

// frame is one thing Redis sent: a message, a confirmation, or the refusal of a command.
type frame struct {
	verb  verb
	name  []byte // the route: channel or pattern, or the text of a refusal; aliases the buffer it was read from
	event *Event // of a message; its Payload is a copy
}

// parseFrame reads one frame from the start of b and returns its length. It returns errShort if b ends before the frame
// does. RESP3 pushes are read like RESP2 arrays.
func parseFrame(b []byte) (frame, int, error) {
	c := cursor{b: b}
	head, err := c.line()
	if err != nil {
		return frame{}, 0, err
	}
	if len(head) > 1 && head[0] == '-' {
		return frame{verb: refusal, name: head[1:]}, c.pos, nil
	}
	if len(head) != 2 || (head[0] != '*' && head[0] != '>') || (head[1] != '3' && head[1] != '4') {
		return frame{}, 0, malformed(head)
	}
	kind, err := c.bulk()
	if err != nil {
		return frame{}, 0, err
	}
	f := frame{verb: verbOf(kind)}
	if f.verb == "" || (f.verb == pmessage) != (head[1] == '4') {
		return frame{}, 0, malformed(kind)
	}
	if f.name, err = c.bulk(); err != nil {
		return frame{}, 0, err
	}
	switch f.verb {
	case message:
		var payload []byte
		if payload, err = c.bulk(); err == nil {
			f.event = &Event{Message: Message{Payload: bytes.Clone(payload)}}
		}
	case pmessage:
		var channel, payload []byte
		if channel, err = c.bulk(); err == nil {
			payload, err = c.bulk()
		}
		if err == nil {
			f.event = &Event{Message: Message{Channel: string(channel), Payload: bytes.Clone(payload)}}
		}
	default:
		_, err = c.number(':') // how many names are followed now; we count them ourselves
	}
	return f, c.pos, err
}

// cursor walks over a buffer that may end anywhere.
type cursor struct {
	b   []byte
	pos int
}

func (c *cursor) line() ([]byte, error) {
	rest := c.b[c.pos:]
	end := bytes.IndexByte(rest[:min(len(rest), maxLine)], '\n')
	switch {
	case end < 0 && len(rest) >= maxLine:
		return nil, malformed(rest)
	case end < 0:
		return nil, errShort
	case end == 0 || rest[end-1] != '\r':
		return nil, malformed(rest[:end])
	}
	c.pos += end + 1
	return rest[:end-1], nil
}

// number reads a line with a type byte and a decimal number that is not negative.
func (c *cursor) number(kind byte) (int, error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	if len(line) < 2 || len(line) > 10 || line[0] != kind {
		return 0, malformed(line)
	}
	n := 0
	for _, d := range line[1:] {
		if d < '0' || d > '9' {
			return 0, malformed(line)
		}
		n = 10*n + int(d-'0')
	}
	return n, nil
}

func (c *cursor) bulk() ([]byte, error) {
	n, err := c.number('$')
	if err != nil {
		return nil, err
	}
	if n > maxBulk {
		return nil, fmt.Errorf("%w: a string of %d bytes", errMalformed, n)
	}
	end := c.pos + n
	if len(c.b) < end+2 {
		return nil, errShort
	}
	if c.b[end] != '\r' || c.b[end+1] != '\n' {
		return nil, malformed(c.b[end : end+2])
	}
	data := c.b[c.pos:end:end]
	c.pos = end + 2
	return data, nil
}

func malformed(b []byte) error {
	return fmt.Errorf("%w: %q", errMalformed, b[:min(len(b), 32)])
}

// appendCommand encodes a command that changes subscriptions.
func appendCommand(b []byte, v verb, routes []*route) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(routes)+1), 10)
	b = append(b, '\r', '\n')
	b = appendBulk(b, string(v))
	for _, r := range routes {
		b = appendBulk(b, r.name)
	}
	return b
}

func appendBulk(b []byte, s string) []byte {
	b = append(b, '$')
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, '\r', '\n')
	b = append(b, s...)
	return append(b, '\r', '\n')
}
