package engine

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/topology"
)

// Config says how to reach Redis and how much to use. Only URL is needed.
type Config struct {
	// URL of the server: redis://[user:password@]host[:port][/db], rediss:// for
	// TLS, or unix://[user:password@]/path/of/socket[?db=N].
	//
	// Of a primary that sentinels watch, by what they call it:
	// redis+sentinel://[user:password@]host[:port],host[:port]…/name[?db=N]. The
	// sentinels get the same user and password if they ask for one, unless the
	// parameters sentinel_user and sentinel_password are there.
	//
	// Of a cluster, by some of its nodes: redis+cluster://[user:password@]host[:port],….
	// rediss+sentinel and rediss+cluster are the same over TLS.
	URL string

	// TLS is used for rediss URLs. Defaults to the system's roots and the host name
	// that is connected to.
	TLS *tls.Config

	// Connections that carry commands. Each name uses one of them, so its calls
	// take effect in order. Defaults to 4.
	Connections int

	// DialTimeout bounds the making of one connection, and a fifth of it, but at least
	// a second, a question to sentinels or to a cluster about who serves what, with its
	// connection. Raise it for servers that are far away. Defaults to 5s.
	DialTimeout time.Duration

	// Timeout bounds one round trip; a second per MiB sent is added to it, and
	// WaitTimeout. The connection is replaced when it passes. With WaitReplicas,
	// answers to others on the connection count, too: their calls may be waiting for
	// replicas in front of this one. Defaults to 5s.
	Timeout time.Duration

	// Patience is how long a call waits for Redis while it cannot be reached, if
	// its context lets it. Then it fails with ErrUnavailable. Defaults to 30s.
	Patience time.Duration

	// WaitReplicas is how many replicas must say that they have what a call has
	// written before it returns nil; if they do not within WaitTimeout it fails with
	// ErrNotReplicated. Then a fail-over to one of them loses nothing that was
	// acknowledged. Defaults to 0: a call is done when the primary has done it, and a
	// fail-over may lose the last of them.
	WaitReplicas int

	// WaitTimeout is how long a call waits for replicas. Other names whose calls take
	// the same connection wait with it. Defaults to 1s if WaitReplicas is set.
	WaitTimeout time.Duration

	// IdleAfter is how long the goroutine of a name stays without commands before
	// it ends; the next call starts it again. Defaults to 5 minutes.
	IdleAfter time.Duration

	// MaxItem is the largest item, in bytes. Defaults to 64 MiB.
	MaxItem int

	// Mailbox is how many messages wait for a slow subscriber before some are
	// dropped, which it is told. Defaults to 1024.
	Mailbox int

	// CheckEvery is how often an engine whose getters wait on a queue looks whether
	// a process that died has lost ids there. Their items are back after twice
	// that at the latest. Defaults to 30s.
	CheckEvery time.Duration

	// Workers is how many handlers run at once, in all job sets together. Defaults
	// to 0: as many as the options of each allow.
	Workers int

	// Lease is how long a claim that a handler runs outlives this process. It is
	// renewed every third of that, on Redis' clock. At least 1s; defaults to 10s.
	Lease time.Duration

	// DrainTimeout is how long Close and Interrupt let handlers finish. Defaults to
	// 10s.
	DrainTimeout time.Duration

	// Logger gets lost connections and the like, never payloads. Nil logs nothing.
	Logger *zap.Logger
}

// String is the configuration without the password, also for %v and %+v.
func (c Config) String() string {
	type fields Config // without String
	c.URL = topology.Redacted(c.URL)
	return fmt.Sprintf("%+v", fields(c))
}

// GoString is String, for %#v.
func (c Config) GoString() string { return "engine.Config" + c.String() }

// LogValue is String, for log/slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Config) withDefaults() Config {
	c.Connections = orDefault(c.Connections, 4)
	c.DialTimeout = orDefault(c.DialTimeout, 5*time.Second)
	c.Timeout = orDefault(c.Timeout, 5*time.Second)
	c.Patience = orDefault(c.Patience, 30*time.Second)
	if c.WaitReplicas > 0 {
		c.WaitTimeout = max(orDefault(c.WaitTimeout, time.Second), time.Millisecond) // Redis would wait for ever for 0 ms
	} else {
		c.WaitTimeout = 0
	}
	c.IdleAfter = orDefault(c.IdleAfter, 5*time.Minute)
	c.MaxItem = orDefault(c.MaxItem, contract.DefaultMaxItem)
	c.Mailbox = orDefault(c.Mailbox, 1024)
	c.CheckEvery = orDefault(c.CheckEvery, 30*time.Second)
	c.Lease = orDefault(c.Lease, 10*time.Second)
	c.DrainTimeout = orDefault(c.DrainTimeout, 10*time.Second)
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// validate reports every problem at once.
func (c Config) validate() error {
	var problems []error
	positive := func(field string, v int64) {
		if v < 0 {
			problems = append(problems, fmt.Errorf("%s is negative", field))
		}
	}
	positive("Connections", int64(c.Connections))
	positive("DialTimeout", int64(c.DialTimeout))
	positive("Timeout", int64(c.Timeout))
	positive("Patience", int64(c.Patience))
	positive("WaitReplicas", int64(c.WaitReplicas))
	positive("WaitTimeout", int64(c.WaitTimeout))
	positive("IdleAfter", int64(c.IdleAfter))
	positive("MaxItem", int64(c.MaxItem))
	positive("Mailbox", int64(c.Mailbox))
	positive("CheckEvery", int64(c.CheckEvery))
	positive("Workers", int64(c.Workers))
	if c.Lease != 0 && c.Lease < time.Second {
		problems = append(problems, fmt.Errorf("%s is %v, it must be at least 1s", "Lease", c.Lease))
	}
	positive("DrainTimeout", int64(c.DrainTimeout))
	if c.MaxItem > 512<<20 {
		problems = append(problems, fmt.Errorf("MaxItem is %d, Redis stores at most %d bytes", c.MaxItem, 512<<20))
	}
	if _, err := topology.Parse(c.URL); err != nil {
		problems = append(problems, err)
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalidConfig, errors.Join(problems...))
}
