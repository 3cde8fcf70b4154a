package redistest

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"time"
)

// proxyConn is one client's connection and its counterpart to the server. Each direction has a goroutine that reads,
// decides about faults and stamps, and one that writes when the stamp's time has come: a delay per parcel, not a sleep
// per write, so any number of parcels can be on their way.
type proxyConn struct {
	proxy          *Proxy
	id             int
	client, server net.Conn
	up, down       chan parcel

	once sync.Once
	done chan struct{} // closed with the connection

	mu      sync.Mutex
	closed  bool
	pending []chan struct{} // per unanswered request: what to close when its reply was swallowed, nil to deliver it
	pushing bool            // a subscriber: replies no longer match requests
	struck  []chan struct{} // faults that end this connection: closed when it has ended

	stalled   chan struct{} // nothing passes before it is closed; nil: all does
	abandoned bool          // half open: only the client's own end ends it
}

// parcel is what one write delivers, and what happens after it.
type parcel struct {
	due  time.Time
	data []byte
	then func()
}

const (
	lane  = 4096     // parcels on their way in one direction
	chunk = 64 << 10 // bytes per read, and about the size of the largest parcel
)

func newProxyConn(p *Proxy, id int, client, server net.Conn) *proxyConn {
	return &proxyConn{
		proxy: p, id: id, client: client, server: server,
		up: make(chan parcel, lane), down: make(chan parcel, lane), done: make(chan struct{}),
	}
}

func (c *proxyConn) run() {
	stats := &c.proxy.stats
	c.proxy.wg.Go(func() { c.read(c.client, c.up, c.request, c.hangUp) })
	c.proxy.wg.Go(func() { c.read(c.server, c.down, c.reply, c.close) })
	c.proxy.wg.Go(func() { c.write(c.server, c.up, &stats.BytesUp) })
	c.proxy.wg.Go(func() { c.write(c.client, c.down, &stats.BytesDown) })
}

// close ends both connections at once, and tells who waits for a fault on this one. Safe to call twice, and from the
// connection's own goroutines.
func (c *proxyConn) close() {
	c.once.Do(func() {
		close(c.done)
		_, _ = c.client.Close(), c.server.Close()
		c.proxy.mu.Lock()
		delete(c.proxy.conns, c.id)
		c.proxy.mu.Unlock()

		c.mu.Lock()
		defer c.mu.Unlock()
		c.closed = true
		for _, done := range append(c.struck, c.pending...) {
			if done != nil {
				close(done)
			}
		}
		c.struck, c.pending = nil, nil // a reply that is being judged now must not close them again
	})
}

// hangUp tells the server that the client has gone. The server reads what was sent before, and its own end ends the
// connection; closing at once might take those commands back.
func (c *proxyConn) hangUp() {
	half, ok := c.server.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		c.close()
		return
	}
	_ = c.client.Close()
}

// strike notes that a fault is about to end this connection.
func (c *proxyConn) strike(done chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		close(done)
		return
	}
	c.struck = append(c.struck, done)
}

// A judge looks at one frame and says how much of it to deliver, usually all, and what to do after that, usually
// nothing. Whatever comes behind a frame that something was done after is dropped.
type judge func(frame []byte) (keep int, then func())

// read cuts what arrives into frames until the connection ends, and hands the end itself on behind them.
func (c *proxyConn) read(src net.Conn, lane chan<- parcel, judge judge, end func()) {
	buf := make([]byte, 0, chunk)
	for {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]

		var used, out int // bytes of buf that were judged, and that are delivered
		var then func()
		for used < len(buf) && then == nil {
			size := frameLen(buf[used:])
			if size == 0 {
				break
			}
			if size < 0 {
				size = len(buf) - used // not RESP: a stream after PSYNC, perhaps; pass it on as it comes
			}
			var keep int
			keep, then = judge(buf[used : used+size])
			used += size
			out = used - size + keep
		}
		if err != nil && c.isAbandoned() {
			if src == c.client {
				c.close()
			}
			return // the end of the server is not passed on
		}
		if then == nil && err != nil {
			out, then = len(buf), end // with the beginning of a frame that will have no end
		}
		if out > 0 || then != nil {
			if !c.send(lane, bytes.Clone(buf[:out]), then) || then != nil {
				return
			}
		}
		buf = buf[:copy(buf, buf[used:])]
	}
}

func (c *proxyConn) send(lane chan<- parcel, data []byte, then func()) bool {
	item := parcel{data: data, then: then}
	if lane == (chan<- parcel)(c.down) {
		c.proxy.mu.Lock()
		delay := c.proxy.delay
		c.proxy.mu.Unlock()
		if delay > 0 {
			item.due = time.Now().Add(delay)
		}
	}
	select {
	case lane <- item:
		return true
	case <-c.done:
		return false
	}
}

// write delivers parcels in order, each when it is due and the gate is open. After a failed write it drops them: the
// end of the connection arrives through the goroutine that reads from the same side, behind what that side has sent.
func (c *proxyConn) write(dst net.Conn, lane <-chan parcel, count *int64) {
	broken := false
	for {
		var item parcel
		select {
		case item = <-lane:
		case <-c.done:
			return
		}
		if !item.due.IsZero() {
			select {
			case <-time.After(time.Until(item.due)):
			case <-c.done:
				return
			}
		}
		if !c.passGate() {
			return
		}
		if c.isAbandoned() {
			continue // into the void
		}
		if !broken {
			n, err := dst.Write(item.data)
			broken = err != nil
			c.proxy.mu.Lock()
			*count += int64(n)
			c.proxy.mu.Unlock()
		}
		if item.then != nil {
			item.then()
			return
		}
	}
}

// passGate waits until neither the proxy is held nor the connection stalled.
func (c *proxyConn) passGate() bool {
	for {
		c.mu.Lock()
		stalled := c.stalled
		c.mu.Unlock()
		if stalled != nil {
			select {
			case <-stalled:
			case <-c.done:
				return false
			}
		}
		c.proxy.mu.Lock()
		gate := c.proxy.gate
		c.proxy.mu.Unlock()
		select {
		case <-gate:
		case <-c.done:
			return false
		}
		c.proxy.mu.Lock()
		same := gate == c.proxy.gate // or it was released and held again
		c.proxy.mu.Unlock()
		if same {
			return true
		}
	}
}

// request judges a client's frame: it is always delivered.
func (c *proxyConn) request(frame []byte) (keep int, then func()) {
	p := c.proxy
	p.mu.Lock()
	p.stats.Requests++
	hook := p.onRequest
	var swallow chan struct{}
	for i, m := range p.matches {
		if bytes.Contains(frame, m.text) {
			swallow = m.done
			p.matches = append(p.matches[:i:i], p.matches[i+1:]...)
			break
		}
	}
	p.mu.Unlock()

	c.expect(frame, swallow)
	if hook != nil {
		hook(c.id, frame)
	}
	return len(frame), nil
}

// expect notes a request on the list of those that a reply will answer.
func (c *proxyConn) expect(frame []byte, swallow chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pushing = c.pushing || pushes(commandName(frame))
	switch {
	case c.closed && swallow != nil:
		close(swallow)
	case !c.pushing || swallow != nil:
		c.pending = append(c.pending, swallow)
	}
}

// reply judges a server's frame: it is delivered unless it is to be swallowed, or in part if a cut comes inside of it.
func (c *proxyConn) reply(frame []byte) (keep int, then func()) {
	swallow, answer := c.answered(frame)

	p := c.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Replies++
	if answer && swallow == nil && len(p.swallow) > 0 {
		swallow = p.burnSwallow()
	}
	if swallow != nil {
		p.stats.Swallowed++
		c.strike(swallow)
		return 0, c.close
	}

	keep = len(frame)
	for _, f := range p.cutByte {
		keep = int(min(f.left, int64(keep)))
	}
	struck := slices.Concat(burn(&p.cutReply, 1), burn(&p.cutByte, int64(keep)))
	if len(struck) == 0 {
		return keep, nil
	}
	for _, f := range struck {
		c.strike(f.done)
	}
	return keep, func() { p.cut(c) }
}

// answered takes the request that this frame answers off the list of pending ones. A pushed message answers none.
func (c *proxyConn) answered(frame []byte) (swallow chan struct{}, answer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if frame[0] == '>' || frame[0] == '|' || len(c.pending) == 0 {
		return nil, false
	}
	swallow = c.pending[0]
	c.pending = c.pending[1:]
	return swallow, !c.pushing
}

// burn shortens all fuses by n and takes those out that have burnt down.
func burn(fuses *[]*fuse, n int64) (struck []*fuse) {
	var left []*fuse
	for _, f := range *fuses {
		if f.left -= n; f.left > 0 {
			left = append(left, f)
		} else {
			struck = append(struck, f)
		}
	}
	*fuses = left
	return struck
}
