package direct

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/thoonk-go/thoonk/internal/wire"
)

const bufferSize = 64 << 10

// patience bounds every round trip, on top of a pipeline's duration. Deleting millions of items is one.
const patience = time.Minute

// A Conn is one connection, for one goroutine.
type Conn struct {
	net net.Conn
	br  *bufio.Reader
}

// Dial connects, and authenticates and selects as the URL says. It ends with ctx.
func (e Endpoint) Dial(ctx context.Context) (*Conn, error) {
	nc, err := e.DialContext(ctx, e.Network, e.Addr)
	if err != nil {
		return nil, err
	}
	c := &Conn{net: nc, br: bufio.NewReaderSize(nc, bufferSize)}
	err = c.Within(ctx, func() (err error) {
		switch {
		case e.User != "":
			_, err = c.Do("AUTH", e.User, e.Password)
		case e.Password != "":
			_, err = c.Do("AUTH", e.Password)
		}
		if err == nil && e.DB != "" {
			_, err = c.Do("SELECT", e.DB)
		}
		return err
	})
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Within talks to the server until ctx ends. Then it closes the connection, so that nothing waits for an answer any more, and
// returns why ctx ended.
func (c *Conn) Within(ctx context.Context, talk func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	err := talk()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// Close ends the connection.
func (c *Conn) Close() error { return c.net.Close() }

// Do sends one command and returns its answer: a string, or a number in decimal. Of an array it is the sum of the numbers.
func (c *Conn) Do(args ...string) (string, error) {
	buf := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		buf = fmt.Appendf(buf, "$%d\r\n%s\r\n", len(a), a)
	}
	if err := c.net.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := c.net.Write(buf); err != nil {
		return "", err
	}
	kind, line, err := c.line()
	if err != nil {
		return "", err
	}
	switch kind {
	case '+', ':':
		return string(line), nil
	case '-':
		return "", fmt.Errorf("%s: redis says %q", args[0], line)
	case '$':
		n, err := number(line)
		if err != nil || n < 0 {
			return "", err
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(c.br, b)
		return string(b[:n]), err
	}
	n, err := number(line)
	if err != nil {
		return "", err
	}
	var r Reply
	for range n {
		if err := c.skip(&r); err != nil {
			return "", err
		}
	}
	return strconv.FormatInt(r.Sum, 10), nil
}

// Load gives the server a script. It ends with ctx, and the connection with it.
func (c *Conn) Load(ctx context.Context, s *wire.Script) error {
	return c.Within(ctx, func() error {
		sha, err := c.Do("SCRIPT", "LOAD", s.Source())
		if err == nil && sha != s.SHA() {
			err = fmt.Errorf("script %s: the server calls it %s, we call it %s", s.Name, sha, s.SHA())
		}
		return err
	})
}

// A Reply sums up the elements of a call's answer.
type Reply struct {
	Elements int
	Nulls    int
	Sum      int64 // of the numbers
	Bytes    int64 // of the strings
}

// reply reads one call's answer, which is an array, or the error that it is.
func (c *Conn) reply() (r Reply, err error) {
	kind, line, err := c.line()
	if err != nil {
		return r, err
	}
	if kind == '-' {
		return r, fmt.Errorf("redis says %q", line)
	}
	n, err := number(line)
	if kind != '*' || err != nil {
		return r, errors.New("the answer is no array")
	}
	for range n {
		if err := c.skip(&r); err != nil {
			return r, err
		}
	}
	r.Elements = int(n)
	return r, nil
}

// skip reads one element and adds it to r.
func (c *Conn) skip(r *Reply) error {
	kind, line, err := c.line()
	if err != nil || kind == '+' {
		return err
	}
	if kind == '-' {
		return fmt.Errorf("redis says %q", line)
	}
	n, err := number(line)
	switch {
	case err != nil:
		return err
	case kind == ':':
		r.Sum += n
	case n < 0:
		r.Nulls++
	case kind == '$':
		r.Bytes += n
		_, err = c.br.Discard(int(n) + 2)
	case kind == '*':
		for range n {
			if err := c.skip(r); err != nil {
				return err
			}
		}
	}
	return err
}

func (c *Conn) line() (kind byte, rest []byte, err error) {
	line, err := c.br.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 3 {
		return 0, nil, errors.New("the answer is not RESP")
	}
	return line[0], line[1 : len(line)-2], nil
}

func number(b []byte) (int64, error) {
	if len(b) == 1 && b[0] >= '0' && b[0] <= '9' {
		return int64(b[0] - '0'), nil
	}
	return strconv.ParseInt(string(b), 10, 64)
}
