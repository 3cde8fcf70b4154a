package wakeup

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/resp"
	"github.com/mediocregopher/radix/v4/resp/resp3"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// A session is one connection: a goroutine that dials and then does one request
// after the other. It tells the shard: connected, a reply for each request, ended.
type session struct {
	key      string          // of the lists that are popped: one of them
	ctx      context.Context // ends with the connection; its cause says why
	end      context.CancelCauseFunc
	requests chan request // never more than one at a time
	tell     func(event)
}

// A request is something to do on the connection. It is an event once it is done.
type request interface {
	event
	// do returns an error that is not an error reply if the connection is broken.
	do(conn radix.Conn) error
	// salvage is called when do failed and nothing reads from the connection any
	// more. It reports whether the reply had come nevertheless.
	salvage() bool
}

func newSession(ctx context.Context, key string, tell func(event)) *session {
	ctx, end := context.WithCancelCause(ctx)
	return &session{key: key, ctx: ctx, end: end, requests: make(chan request, 1), tell: tell}
}

// run lives as long as the connection.
func (c *session) run(cfg *Config) {
	last, err := c.connect(cfg)
	c.end(err) // without effect if the shard ended it
	cause := context.Cause(c.ctx)
	if cause == context.Canceled {
		cause = errClosed
	}
	c.tell(&ended{last, cause})
}

// connect returns when the connection has ended, with a reply that still came.
func (c *session) connect(cfg *Config) (last event, _ error) {
	dialing, cancel := context.WithTimeout(c.ctx, dialTimeout)
	conn, err := cfg.Dial(dialing, c.key)
	cancel()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	// Closing is the one thing that ends a read from a dead peer.
	stop := context.AfterFunc(c.ctx, func() { _ = conn.Close() })
	defer stop()
	c.tell(&connected{})
	for {
		select {
		case <-c.ctx.Done():
			return nil, nil
		case r := <-c.requests:
			if err := r.do(conn); err != nil {
				c.end(err)
				_ = conn.Close() // returns when nothing reads any more, whoever closes
				if r.salvage() {
					last = r
				}
				return last, err
			}
			c.tell(r)
		}
	}
}

// A pop is one BRPOP.
type pop struct {
	keys    []string
	timeout time.Duration

	answered bool
	refused  error    // an error reply
	reply    []string // key and id; nil: the time was over
}

func (p *pop) do(conn radix.Conn) error {
	// Without a context: the shard closes a connection that is too late, and a
	// reply that came in the same moment is not lost.
	return conn.EncodeDecode(context.Background(), p, p)
}

func (p *pop) salvage() bool { return p.answered }

// MarshalRESP implements resp.Marshaler.
func (p *pop) MarshalRESP(w io.Writer, _ *resp.Opts) error {
	buf := make([]byte, 0, 64+len(p.keys)*48)
	buf = append(buf, '*')
	buf = strconv.AppendInt(buf, int64(len(p.keys)+2), 10)
	buf = append(buf, "\r\n$5\r\nBRPOP\r\n"...)
	for _, k := range p.keys {
		buf = appendBulk(buf, k)
	}
	buf = appendBulk(buf, strconv.FormatFloat(max(p.timeout.Seconds(), 0.001), 'f', 3, 64))
	_, err := w.Write(buf)
	return err
}

func appendBulk(buf []byte, s string) []byte {
	buf = append(buf, '$')
	buf = strconv.AppendInt(buf, int64(len(s)), 10)
	buf = append(buf, "\r\n"...)
	buf = append(buf, s...)
	return append(buf, "\r\n"...)
}

// UnmarshalRESP implements resp.Unmarshaler.
func (p *pop) UnmarshalRESP(br resp.BufferedReader, _ *resp.Opts) error {
	r := wire.NewReader(br) // ids are as long as peers make them
	refusal, err := r.Refusal()
	if err != nil {
		return err
	}
	if refusal != "" {
		p.refused = resp3.SimpleError{S: refusal}
		return nil
	}
	n, err := r.Len()
	if err == nil && n > 0 {
		var key, id string
		if n != 2 {
			err = fmt.Errorf("wakeup: a pop answered %d elements", n)
		}
		if err == nil {
			key, _, err = r.String()
		}
		if err == nil {
			id, _, err = r.String()
		}
		p.reply = []string{key, id}
	}
	p.answered = err == nil
	return err
}

// types asks what the keys are, after a pop was refused because of one of them.
type types struct {
	keys   []string
	broken map[string]bool // those that cannot be popped
	why    error
}

func (t *types) do(conn radix.Conn) error {
	for _, k := range t.keys {
		var is string
		err := conn.Do(context.Background(), radix.Cmd(&is, "TYPE", k))
		switch {
		case err != nil && !isError(err):
			return err
		case isError(err, "NOPERM"):
			t.why, t.broken[k] = err, true
		case err != nil || (is != "list" && is != "none"):
			t.broken[k] = true
		}
	}
	return nil
}

func (t *types) salvage() bool { return false }
