package redistest

import (
	"bufio"
	"errors"
	"net"
	"testing"
	"time"
)

var noDeadline time.Time

// node is one connection to one server.
type node struct {
	conn net.Conn
	br   *bufio.Reader
}

// dialNode dials and greets.
func dialNode(t testing.TB, ep endpoint) *node {
	t.Helper()
	conn, err := ep.dial()
	if err != nil {
		t.Fatalf("redis peer: %v", err)
	}
	n := &node{conn, bufio.NewReader(conn)}
	var hello [][]any
	switch {
	case ep.user != "":
		hello = append(hello, []any{"AUTH", ep.user, ep.pass})
	case ep.pass != "":
		hello = append(hello, []any{"AUTH", ep.pass})
	}
	if ep.db != "" {
		hello = append(hello, []any{"SELECT", ep.db})
	}
	for _, cmd := range hello {
		replies, err := n.exchange([][]any{cmd})
		if err != nil {
			t.Fatalf("redis peer: %v: %v", cmd[0], err)
		}
		if refused, ok := replies[0].(Error); ok {
			t.Fatalf("redis peer: %v: %v", cmd[0], refused)
		}
	}
	return n
}

func (n *node) exchange(cmds [][]any) ([]any, error) {
	if err := n.send(cmds); err != nil {
		return nil, err
	}
	replies := make([]any, len(cmds))
	for i := range replies {
		var err error
		if replies[i], err = readReply(n.br); err != nil {
			return nil, err
		}
	}
	return replies, nil
}

func (n *node) send(cmds [][]any) error {
	var buf []byte
	for _, args := range cmds {
		if len(args) == 0 {
			return errors.New("empty command")
		}
		buf = appendCommand(buf, args)
	}
	if err := n.conn.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	_, err := n.conn.Write(buf)
	return err
}
