package topology

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// errNobody is a radix error: the command was not sent.
var errNobody = errors.New("topology: no node serves the slot")

// A lane is one connection to each node that it needs. It is a radix.Client.
type lane struct {
	wire wire.Lane
	n    *Network

	mu    sync.RWMutex
	links map[string]*link // by address

	// fences are by address too. They outlive their links, for a node may be left and come back, and each has its own, for
	// a node that hangs must not hold up the connection to another one.
	fences map[string]*wire.Fence
}

func (n *Network) newLane() *lane {
	l := &lane{n: n, links: make(map[string]*link), fences: make(map[string]*wire.Fence)}
	l.wire.Timeout, l.wire.Replicas = n.cfg.Timeout, n.cfg.Replicas
	l.wire.Client = l
	l.wire.Cluster = n.at.Kind == Cluster
	if n.source != nil {
		l.wire.Turned = n.Turned
	}
	return l
}

// connect makes the connection to a node and waits for it.
func (l *lane) connect(ctx context.Context, addr string) error {
	k, err := l.dialLink(ctx, addr)
	if err != nil {
		return err
	}
	l.links[addr] = k
	if l.n.source == nil {
		l.wire.Client = k.client // there is no other node
	}
	return nil
}

// Do implements radix.Client.
func (l *lane) Do(ctx context.Context, a radix.Action) error {
	k, err := l.route(a)
	if err != nil {
		return err
	}
	return k.Do(ctx, a)
}

// route is the connection to the node that serves the action's keys.
func (l *lane) route(a radix.Action) (*link, error) {
	var key string
	if keys := a.Properties().Keys; len(keys) > 0 {
		key = keys[0]
	}
	addr := l.n.view.Load().owner(key)
	if addr == "" {
		l.n.hint("")
		return nil, errNobody
	}
	return l.link(addr)
}

// Close implements radix.Client; the network closes its lanes.
func (l *lane) Close() error { return nil }

// Addr implements radix.Client.
func (l *lane) Addr() net.Addr { return nil }

// link is the connection to a node that is a primary.
func (l *lane) link(addr string) (*link, error) {
	l.mu.RLock()
	k := l.links[addr]
	l.mu.RUnlock()
	if k != nil {
		return k, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if k = l.links[addr]; k != nil {
		return k, nil
	}
	// Whoever asks may have looked at a view that is over. If the lane has left the node since, nobody would leave it again.
	if !l.n.view.Load().has(addr) {
		return nil, errNobody
	}
	k = l.newLink(addr)
	l.links[addr] = k
	return k, nil
}

// leave closes the connections to nodes that are no primaries any more. What is under way there ends, with an unknown
// outcome: its node may be gone, and not know it.
func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.n.view.Load()
	for addr, k := range l.links {
		if !v.has(addr) {
			delete(l.links, addr)
			l.n.wg.Go(k.close)
		}
	}
}

func (l *lane) cut() {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, k := range l.links {
		k.cut()
	}
}

func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.links {
		k.close()
	}
}
