package topology

import (
	"context"
	"errors"

	"github.com/mediocregopher/radix/v4"
)

var errClosed = errors.New("topology: closed")

// held is a connection that somebody has to himself.
type held struct {
	radix.Conn
	n    *Network
	addr string
	key  string // empty: messages are told on it, and it is closed when any slot has another primary

	links inbound // of its node, when it was made
}

// Dial opens a connection of its own: to the node that serves the key, or, for messages, without a key to any primary. It is
// closed when that node is no primary any more; one for messages also when some may be missing.
func (n *Network) Dial(ctx context.Context, key string) (radix.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.DialTimeout)
	defer cancel()
	addr := n.view.Load().owner(key)
	if addr == "" {
		n.hint("")
		return nil, errNobody
	}
	conn, err := n.dialer.Dial(ctx, n.at.network, addr)
	if err != nil {
		n.hint("")
		return nil, err
	}
	if n.source == nil {
		return conn, nil
	}
	h := &held{Conn: conn, n: n, addr: addr, key: key}
	if key == "" && n.at.Kind == Cluster {
		if err := conn.Do(ctx, radix.Cmd(&h.links, "CLUSTER", "LINKS")); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	n.mu.Lock()
	n.held[h] = struct{}{}
	closed := n.closed
	n.mu.Unlock()
	// The view may have changed meanwhile, and whoever changed it has not seen this connection.
	if v := n.view.Load(); closed || key == "" && !v.has(addr) || key != "" && v.owner(key) != addr {
		_ = h.Close()
		return nil, errClosed
	}
	return h, nil
}

// Close implements radix.Conn.
func (h *held) Close() error {
	h.n.mu.Lock()
	delete(h.n.held, h)
	h.n.mu.Unlock()
	return h.Conn.Close()
}

// release closes, after the view has changed, the connections that are not where they have to be.
func (n *Network) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.view.Load()
	for h := range n.held {
		// A message that a primary sent to the others before it died may not have arrived, and those from the old and the new
		// node of a slot that moved pass each other: whoever follows has to be told.
		// A blocked pop at a primary that has given the slot away is left alone: it is told so with MOVED, and if the
		// connection were closed while an id is on its way, the id would be lost for a while.
		if h.key == "" || !now.has(h.addr) {
			n.drop(h)
		}
	}
}

// drop closes a connection without waiting for that. The caller holds mu.
func (n *Network) drop(h *held) {
	delete(n.held, h)
	n.wg.Go(func() { _ = h.Conn.Close() })
}
