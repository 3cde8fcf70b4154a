package topology

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// A link is a lane's connection to one node: a radix pool of size 1, which connects again by itself. A pool has to
// begin with a connection, so one is made in the background until that succeeds.
type link struct {
	n      *Network
	lane   *wire.Lane
	fence  *wire.Fence
	addr   string
	ctx    context.Context // ends with the link
	cancel context.CancelFunc

	ready  chan struct{} // closed when client is there
	done   chan struct{} // closed when nothing runs in the background any more
	client radix.Client
	made   atomic.Pointer[radix.Conn] // the connection made last
}

func (l *lane) prepare(addr string) *link {
	n := l.n
	if l.fences[addr] == nil {
		l.fences[addr] = &wire.Fence{Logger: n.cfg.Logger}
	}
	k := &link{n: n, lane: &l.wire, fence: l.fences[addr], addr: addr, ready: make(chan struct{}), done: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(n.ctx)
	return k
}

// dialLink returns a link that is connected.
func (l *lane) dialLink(ctx context.Context, addr string) (*link, error) {
	k := l.prepare(addr)
	close(k.done)
	if err := k.dial(ctx); err != nil {
		k.cancel()
		return nil, err
	}
	return k, nil
}

// newLink returns a link that will be connected.
func (l *lane) newLink(addr string) *link {
	k := l.prepare(addr)
	go k.connect()
	return k
}

func (k *link) connect() {
	defer close(k.done)
	wait := minReconnect
	for k.ctx.Err() == nil && k.dial(k.ctx) != nil {
		pause := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-pause.C:
		case <-k.ctx.Done():
			pause.Stop()
		}
		wait = min(2*wait, maxReconnect)
	}
}

// dial makes the pool.
func (k *link) dial(ctx context.Context) error {
	pool := radix.PoolConfig{
		Dialer: radix.Dialer{CustomConn: func(ctx context.Context, network, addr string) (radix.Conn, error) {
			conn, err := k.n.dialer.Dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			if err := k.fence.Replace(ctx, conn); err != nil {
				_ = conn.Close()
				return nil, err
			}
			k.made.Store(&conn)
			return conn, nil
		}},
		Size:                 1,
		PingInterval:         pingEvery,
		MinReconnectInterval: minReconnect,
		MaxReconnectInterval: maxReconnect,
		Trace:                trace.PoolTrace{ConnCreated: k.dialled},
	}
	ctx, cancel := context.WithTimeout(ctx, k.n.cfg.DialTimeout)
	defer cancel()
	client, err := pool.New(ctx, k.n.at.network, k.addr)
	if err != nil {
		return err
	}
	k.client = client
	close(k.ready)
	return nil
}

// dialled is told of every attempt to connect.
func (k *link) dialled(c trace.PoolConnCreated) {
	k.lane.Dialled(c.Err)
	log := k.n.cfg.Logger.With(zap.String("addr", k.addr))
	switch {
	case k.ctx.Err() != nil:
	case c.Err != nil:
		log.Warn("cannot connect to redis", zap.Error(c.Err))
		k.n.hint("")
	case c.Reason == trace.PoolConnCreatedReasonReconnect:
		k.n.reconnects.Add(1)
		log.Info("connected to redis again")
	}
}

// Do implements radix.Client.
func (k *link) Do(ctx context.Context, a radix.Action) error {
	select {
	case <-k.ready:
		return k.client.Do(ctx, a)
	case <-ctx.Done():
		return fmt.Errorf("topology: no connection to %s yet: %w", k.addr, ctx.Err())
	}
}

// cut ends what is under way.
func (k *link) cut() {
	if conn := k.made.Load(); conn != nil {
		_ = (*conn).Close()
	}
}

// close ends the link and waits for what runs in the background.
func (k *link) close() {
	k.cancel()
	k.cut() // or the pool would wait for what is under way
	<-k.done
	select {
	case <-k.ready:
		_ = k.client.Close()
		k.cut() // a pool that is closed while it connects again forgets that connection
	default:
	}
}
