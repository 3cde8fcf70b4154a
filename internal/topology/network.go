package topology

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mediocregopher/radix/v4"
	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// ErrUnsupported is returned, wrapped, for a server that is too old.
var ErrUnsupported = errors.New("unsupported redis version")

// Config says how to reach Redis. All fields have to be set, except for TLS.
type Config struct {
	At          Endpoint
	TLS         *tls.Config
	Connections int           // lanes
	DialTimeout time.Duration // of one connection
	Timeout     time.Duration // of one round trip
	Replicas    wire.Replicas // that have to have a write
	Logger      *zap.Logger
}

// A Network makes an engine's connections.
type Network struct {
	cfg    Config
	at     Endpoint
	dialer radix.Dialer
	lanes  []*lane
	seed   maphash.Seed

	source     source // nil: the view never changes
	view       atomic.Pointer[view]
	hints      chan string // something is wrong: look, and ask the address first if there is one
	reconnects atomic.Uint64

	ctx    context.Context // ends with the network
	cancel context.CancelFunc
	wg     sync.WaitGroup // what watches, dials and closes

	mu     sync.Mutex
	held   map[*held]struct{} // connections of their own
	closed bool
}

// A source asks Redis who serves what, the given address first. One goroutine at a time does.
type source interface {
	look(ctx context.Context, hint string) (*view, error)
	close()
}

// Open makes the connections that have to be there. An error means that Redis cannot be used at all.
func Open(ctx context.Context, cfg Config) (*Network, error) {
	n := &Network{cfg: cfg, at: cfg.At, seed: maphash.MakeSeed(), hints: make(chan string, 1), held: make(map[*held]struct{})}
	n.dialer = radix.Dialer{
		AuthUser:    n.at.user,
		AuthPass:    n.at.password,
		NetDialer:   n.netDialer(),
		NewRespOpts: wire.NewRespOpts,
	}
	if n.at.db != 0 {
		n.dialer.SelectDB = strconv.Itoa(n.at.db)
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if err := n.open(ctx); err != nil {
		n.Close()
		return nil, n.at.hint(err)
	}
	if n.source != nil {
		n.wg.Go(n.watch)
	}
	return n, nil
}

func (n *Network) open(ctx context.Context) error {
	switch n.at.Kind {
	case Single:
		n.view.Store(single(n.at.addrs[0]))
	case Sentinel:
		n.source = &sentinels{n: n, addrs: n.at.addrs, askers: askers{}}
	case Cluster:
		n.source = &nodes{n: n, addrs: n.at.addrs, askers: askers{}}
	}
	if n.source != nil {
		v, err := n.source.look(ctx, "")
		if err != nil {
			return err
		}
		n.view.Store(v)
	}
	for range n.cfg.Connections {
		n.lanes = append(n.lanes, n.newLane())
	}
	// The first primary shows whether user, password and version will do. A single server has all its connections at once.
	first := n.view.Load().owner("")
	for i, l := range n.lanes {
		if n.source != nil && i > 0 {
			break
		}
		if err := l.connect(ctx, first); err != nil {
			return err
		}
	}
	return n.check(ctx, first)
}

// netDialer dials with a timeout, and TLS if the URL asks for it.
func (n *Network) netDialer() interface {
	DialContext(context.Context, string, string) (net.Conn, error)
} {
	plain := &net.Dialer{Timeout: n.cfg.DialTimeout}
	if !n.at.tls {
		return plain
	}
	return newTLSDialer(plain, n.cfg.TLS)
}

// check asks a server for its version and whether it is alone, which also shows that commands are permitted. One that does
// not tell is taken as it is.
func (n *Network) check(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	client, err := n.lanes[0].link(addr)
	if err != nil {
		return err
	}
	if err := client.Do(ctx, radix.Cmd(nil, "PING")); err != nil {
		return err
	}
	var info string
	if err := client.Do(ctx, radix.Cmd(&info, "INFO", "server")); err != nil {
		return nil
	}
	if n.source == nil && strings.Contains(info, "redis_mode:cluster") {
		return errors.New("the server is a node of a cluster: the URL should begin with redis+cluster, or rediss+cluster for TLS")
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

// Lane is what the commands of a name go through, always the same. The name is as on the wire.
func (n *Network) Lane(name string) *wire.Lane {
	return &n.lanes[maphash.String(n.seed, name)%uint64(len(n.lanes))].wire
}

// Do runs an action at the node that serves its keys, over a connection that many use. It is not sent again when Redis
// says that another node serves them now, but that is learnt.
func (n *Network) Do(ctx context.Context, a radix.Action) error {
	err := n.lanes[0].wire.Client.Do(ctx, a)
	if err != nil {
		n.Turned(err)
	}
	return err
}

// Publish sends one message. In a cluster it goes through the node of the channel's slot, which is seldom the hub's. A
// connection that gives no answer in time is closed, so that the next attempt has another one: nobody else may be using
// it, and find out.
func (n *Network) Publish(ctx context.Context, channel, payload string) error {
	cmd := radix.Cmd(nil, "PUBLISH", channel, payload)
	k, err := n.lanes[0].route(cmd)
	if err != nil {
		return err
	}
	err = k.Do(ctx, cmd)
	if errors.Is(err, context.DeadlineExceeded) {
		k.cut()
	}
	if err != nil {
		n.Turned(err)
	}
	return err
}

// Reconnects is how many connections of lanes replaced a lost one.
func (n *Network) Reconnects() uint64 { return n.reconnects.Load() }

// Cut ends what is under way.
func (n *Network) Cut() {
	for _, l := range n.lanes {
		l.cut()
	}
}

// Close ends everything and waits for it.
func (n *Network) Close() {
	n.cancel()
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	for _, l := range n.lanes {
		l.close()
	}
	n.wg.Wait()
	if n.source != nil {
		n.source.close()
	}
}
