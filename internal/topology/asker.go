package topology

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/mediocregopher/radix/v4"
)

// askFor bounds one question about the topology, the making of a connection included: a second, unless Redis is so far away
// that connections are given more than usual. Whoever hangs holds a look up for so long.
func (c *Config) askFor() time.Duration { return max(time.Second, c.DialTimeout/5) }

// An asker asks one server about the topology, over a connection that it keeps.
type asker struct {
	addr   string
	limit  time.Duration // of one question
	dial   func(ctx context.Context, addr string) (radix.Conn, error)
	greet  func(ctx context.Context, conn radix.Conn) error // after NOAUTH
	mu     sync.Mutex
	conn   radix.Conn
	closed bool
}

// ask runs the action. After an error the next question has a new connection.
func (a *asker) ask(ctx context.Context, action radix.Action) (err error) {
	ctx, cancel := context.WithTimeout(ctx, a.limit)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return context.Canceled
	}
	if a.conn == nil {
		if a.conn, err = a.dial(ctx, a.addr); err != nil {
			a.conn = nil
			return err
		}
	}
	err = a.conn.Do(ctx, action)
	if err != nil && a.greet != nil && strings.Contains(err.Error(), "NOAUTH") {
		if err = a.greet(ctx, a.conn); err == nil {
			err = a.conn.Do(ctx, action)
		}
	}
	if err != nil {
		_ = a.conn.Close()
		a.conn = nil
	}
	return err
}

func (a *asker) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.conn != nil {
		_ = a.conn.Close()
	}
}

// askers are one for each address.
type askers map[string]*asker

func (as askers) of(addr string, make func() *asker) *asker {
	a := as[addr]
	if a == nil {
		a = make()
		as[addr] = a
	}
	return a
}

func (as askers) close() {
	for _, a := range as {
		a.close()
	}
}
