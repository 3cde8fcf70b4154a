package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/trace"
	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// Bounds of the wait between attempts to connect again.
const (
	minReconnect = 10 * time.Millisecond
	maxReconnect = 250 * time.Millisecond
)

// pingEvery keeps a connection that nobody uses from being found dead by a call.
const pingEvery = 15 * time.Second

// A network makes an engine's connections.
type network struct {
	cfg        Config
	at         endpoint
	dialer     radix.Dialer
	lanes      []*wire.Lane
	made       []*atomic.Pointer[radix.Conn] // for each lane the connection made last
	seed       maphash.Seed
	reconnects atomic.Uint64
}

// connect opens the lanes. An error means that Redis cannot be used at all.
func connect(ctx context.Context, cfg Config) (*network, error) {
	at, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	n := &network{cfg: cfg, at: at, seed: maphash.MakeSeed()}
	n.dialer = radix.Dialer{
		AuthUser:    at.user,
		AuthPass:    at.password,
		NetDialer:   n.netDialer(),
		NewRespOpts: wire.NewRespOpts,
	}
	if at.db != 0 {
		n.dialer.SelectDB = strconv.Itoa(at.db)
	}
	for range cfg.Connections {
		if err := n.addLane(ctx); err != nil {
			n.close()
			return nil, at.hint(err)
		}
	}
	if err := n.check(ctx); err != nil {
		n.close()
		return nil, at.hint(err)
	}
	return n, nil
}

func (n *network) addLane(ctx context.Context) error {
	lane := &wire.Lane{Timeout: n.cfg.Timeout}
	made := new(atomic.Pointer[radix.Conn])
	fence := &wire.Fence{Logger: n.cfg.Logger}
	dialer := radix.Dialer{CustomConn: func(ctx context.Context, network, addr string) (radix.Conn, error) {
		conn, err := n.dialer.Dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if err := fence.Replace(ctx, conn); err != nil {
			_ = conn.Close()
			return nil, err
		}
		made.Store(&conn)
		return conn, nil
	}}
	pool := radix.PoolConfig{
		Dialer:               dialer,
		Size:                 1,
		PingInterval:         pingEvery,
		MinReconnectInterval: minReconnect,
		MaxReconnectInterval: maxReconnect,
		Trace: trace.PoolTrace{ConnCreated: func(c trace.PoolConnCreated) {
			lane.Dialled(c.Err)
			switch {
			case c.Err != nil:
				n.cfg.Logger.Warn("cannot connect to redis", zap.String("addr", n.at.addr), zap.Error(c.Err))
			case c.Reason == trace.PoolConnCreatedReasonReconnect:
				n.reconnects.Add(1)
				n.cfg.Logger.Info("connected to redis again", zap.String("addr", n.at.addr))
			}
		}},
	}
	ctx, cancel := context.WithTimeout(ctx, n.cfg.DialTimeout)
	defer cancel()
	client, err := pool.New(ctx, n.at.network, n.at.addr)
	if err != nil {
		return err
	}
	lane.Client = client
	n.lanes, n.made = append(n.lanes, lane), append(n.made, made)
	return nil
}

// netDialer dials with a timeout, and TLS if the URL asks for it.
func (n *network) netDialer() interface {
	DialContext(context.Context, string, string) (net.Conn, error)
} {
	plain := &net.Dialer{Timeout: n.cfg.DialTimeout}
	if !n.at.tls {
		return plain
	}
	return newTLSDialer(plain, n.cfg.TLS, n.at.host)
}

// check asks the server for its version, which also shows that commands are
// permitted. A server that does not tell is taken as it is.
func (n *network) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	client := n.lanes[0].Client
	if err := client.Do(ctx, radix.Cmd(nil, "PING")); err != nil {
		return err
	}
	var info string
	if err := client.Do(ctx, radix.Cmd(&info, "INFO", "server")); err != nil {
		return nil
	}
	_, rest, found := strings.Cut(info, "redis_version:")
	version, _, _ := strings.Cut(rest, "\r\n")
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); !found || err != nil {
		return nil
	}
	if major < 6 || major == 6 && minor < 2 {
		return fmt.Errorf("%w: it is %s, 6.2 or later is needed", ErrUnsupported, version)
	}
	return nil
}

// lane is the connection that a name's commands go through, always the same.
func (n *network) lane(name string) *wire.Lane {
	return n.lanes[maphash.String(n.seed, name)%uint64(len(n.lanes))]
}

// dial opens a connection of its own.
func (n *network) dial(ctx context.Context) (radix.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.DialTimeout)
	defer cancel()
	return n.dialer.Dial(ctx, n.at.network, n.at.addr)
}

// publish sends one message. A connection that gives no answer in time is closed, so that the next attempt has another one:
// nobody else may be using it, and find out.
func (n *network) publish(ctx context.Context, channel, payload string) error {
	err := n.lanes[0].Client.Do(ctx, radix.Cmd(nil, "PUBLISH", channel, payload))
	if errors.Is(err, context.DeadlineExceeded) {
		_ = (*n.made[0].Load()).Close()
	}
	return err
}

// cut ends what is under way.
func (n *network) cut() {
	for _, l := range n.lanes {
		l.Cut()
	}
}

func (n *network) close() {
	for i, l := range n.lanes {
		_ = l.Client.Close()
		// A pool that is closed while it connects again forgets that connection.
		_ = (*n.made[i].Load()).Close()
	}
}
