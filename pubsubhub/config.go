package pubsubhub

import (
	"context"
	"errors"
	"time"

	"github.com/mediocregopher/radix/v4"
	"go.uber.org/zap"
)

var (
	// ErrClosed means the hub or the subscription was closed.
	ErrClosed = errors.New("pubsubhub: closed")
	// ErrRefused means Redis does not let this user follow one of the names (its ACL says NOPERM).
	ErrRefused = errors.New("pubsubhub: refused by Redis")
)

// Config says how a hub reaches Redis. Only Dial has to be set.
type Config struct {
	// Dial opens a fresh connection that nobody else uses. It must return when its context ends.
	Dial func(ctx context.Context) (radix.Conn, error)

	// Publish sends a probe through another connection (a RESP2 connection that follows channels cannot publish). It
	// must return when its context ends. Without it there are no probes: a connection that stays open but delivers
	// nothing goes unnoticed.
	Publish func(ctx context.Context, channel, payload string) error

	// Mailbox is how many messages a subscription holds for a slow consumer before it drops. Defaults to 1024.
	Mailbox int

	// Timeout ends an attempt to dial, and how long Redis may take to confirm what was asked of it before the connection
	// is replaced. Defaults to 5s.
	Timeout time.Duration

	// ProbeAfter is the silence after which the hub publishes a probe to itself. Defaults to 5s.
	ProbeAfter time.Duration
	// ProbeTimeout is how long a published probe may take to arrive before the connection is replaced. Defaults to 3s.
	ProbeTimeout time.Duration
	// ProbePrefix starts the name of the hub's own channel; random digits follow. Defaults to "feed.probe:".
	ProbePrefix string

	// MinBackoff and MaxBackoff bound the wait before the next attempt to connect. It doubles from one to the other, with
	// jitter. Default to 10ms and 2s.
	MinBackoff, MaxBackoff time.Duration

	// Linger is how long the connection stays open after the last subscription. Defaults to 5s; negative closes it at once.
	Linger time.Duration

	// Logger gets lost and replaced connections. Nil logs nothing.
	Logger *zap.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.Mailbox, 1024)
	setDefault(&c.Timeout, 5*time.Second)
	setDefault(&c.ProbeAfter, 5*time.Second)
	setDefault(&c.ProbeTimeout, 3*time.Second)
	setDefault(&c.MinBackoff, 10*time.Millisecond)
	setDefault(&c.MaxBackoff, 2*time.Second)
	c.MaxBackoff = max(c.MinBackoff, c.MaxBackoff)
	if c.Linger == 0 {
		c.Linger = 5 * time.Second
	}
	if c.ProbePrefix == "" {
		c.ProbePrefix = "feed.probe:"
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
