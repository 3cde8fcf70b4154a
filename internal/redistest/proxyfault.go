package redistest

import (
	"maps"
	"net"
	"slices"
	"sync"
)

// Answer has the proxy answer each request itself, with an error such as "LOADING Redis is loading the dataset in
// memory", until it is called with an empty text. Connections end when that begins and when it ends, as those of a server
// that restarts do.
func (p *Proxy) Answer(refusal string) {
	p.mu.Lock()
	p.refusal = refusal
	p.mu.Unlock()
	p.Cut()
}

// standIn answers one client in the place of the server, if it is to; false if not.
func (p *Proxy) standIn(client net.Conn) bool {
	p.mu.Lock()
	refusal := p.refusal
	p.mu.Unlock()
	if refusal == "" {
		return false
	}
	defer func() {
		p.mu.Lock()
		delete(p.unserved, client)
		p.mu.Unlock()
		_ = client.Close()
	}()
	buf := make([]byte, 0, chunk)
	for {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := client.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return true
		}
		buf = buf[:len(buf)+n]
		for size := frameLen(buf); size > 0; size = frameLen(buf) {
			if _, err := client.Write([]byte("-" + refusal + "\r\n")); err != nil {
				return true
			}
			buf = buf[:copy(buf, buf[size:])]
			if len(buf) == 0 {
				break
			}
		}
	}
}

// Abandon makes all connections half open: the server sees their end, the clients see nothing any more, neither replies nor
// an end. New ones are accepted. It returns how many there were.
func (p *Proxy) Abandon() int {
	p.mu.Lock()
	conns := slices.Collect(maps.Values(p.conns))
	p.mu.Unlock()
	for _, c := range conns {
		c.abandon()
	}
	return len(conns)
}

// Stall keeps back what is sent on all present connections, in both directions, until release is called. New ones are not
// concerned. What a client has sent is delivered in the end, also if the client has gone meanwhile.
func (p *Proxy) Stall() (release func()) {
	gate := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.mu.Lock()
		if c.stalled == nil || isOpen(c.stalled) {
			c.stalled = gate
		}
		c.mu.Unlock()
	}
	return sync.OnceFunc(func() { close(gate) })
}

// abandon closes the side of the server only, and has nothing reach the client.
func (c *proxyConn) abandon() {
	c.mu.Lock()
	c.abandoned = true
	c.mu.Unlock()
	_ = c.server.Close()
}

func (c *proxyConn) isAbandoned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.abandoned
}
