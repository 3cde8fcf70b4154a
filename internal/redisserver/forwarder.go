package redisserver

import (
	"io"
	"net"
	"sync"
)

// forwarder stands in front of one node, so that others can be kept from it.
type forwarder struct {
	listener net.Listener
	sender   identify
	cuts     bool // links that are not allowed break; else nothing passes

	mu      sync.Mutex // guards what follows
	changed sync.Cond  // somebody is allowed, or a link has ended
	allowed func(sender string) bool
	target  string // empty until the node runs
	links   map[*link]struct{}
	closed  bool
	wg      sync.WaitGroup
}

// identify finds out who connects, and returns what it has read for that.
type identify func(in net.Conn) (name string, read []byte, err error)

// link is one connection and its other half.
type link struct {
	sender  string // empty until it is known
	in, out net.Conn
	ended   bool
}

// forward listens for what is meant for a node.
func forward(cuts bool, sender identify) (*forwarder, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &forwarder{listener: l, sender: sender, cuts: cuts, links: make(map[*link]struct{})}
	f.allowed = func(string) bool { return true }
	f.changed.L = &f.mu
	f.wg.Go(f.accept)
	return f, nil
}

// The sender's name in the header of a message of the cluster bus. Each link of the bus begins with one.
const (
	senderAt  = 40
	senderEnd = 80
)

// byHeader finds the node of a cluster that makes a link of the bus.
func byHeader(in net.Conn) (name string, read []byte, err error) {
	read = make([]byte, senderEnd)
	_, err = io.ReadFull(in, read)
	return string(read[senderAt:]), read, err
}

// bySource finds who connects from an address of its own.
func bySource(in net.Conn) (name string, read []byte, err error) {
	name, _, err = net.SplitHostPort(in.RemoteAddr().String())
	return name, nil, err
}

func (f *forwarder) port() int { return f.listener.Addr().(*net.TCPAddr).Port }

// to tells where the node really listens.
func (f *forwarder) to(target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = target
}

// allow says whose links may live. Those of others break, or, as where a network has come apart, nothing that is sent
// arrives, not even that the other end has closed, until they are allowed again.
func (f *forwarder) allow(allowed func(sender string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.allowed = allowed
	for l := range f.links {
		if f.cuts && l.sender != "" && !allowed(l.sender) {
			f.end(l)
		}
	}
	f.changed.Broadcast()
}

func (f *forwarder) accept() {
	for {
		in, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.wg.Go(func() { f.carry(in) })
	}
}

// carry lives as long as the link.
func (f *forwarder) carry(in net.Conn) {
	l := &link{in: in}
	f.mu.Lock()
	f.links[l] = struct{}{}
	if f.closed {
		f.end(l)
	}
	f.mu.Unlock()
	defer f.finish(l)
	sender, read, err := f.sender(in)
	if err != nil || !f.connect(l, sender) {
		return
	}
	if _, err := l.out.Write(read); err != nil {
		return
	}
	f.wg.Go(func() {
		defer f.finish(l)
		f.pump(l, l.in, l.out)
	})
	f.pump(l, l.out, l.in)
}

// connect reaches the node for a link. Without leave it breaks, or comes to nothing: a network that has come apart would lose
// each attempt to connect, so what was sent on this one must not arrive later.
func (f *forwarder) connect(l *link, sender string) bool {
	f.mu.Lock()
	l.sender = sender
	target, allowed := f.target, f.allowed(sender)
	f.mu.Unlock()
	if !allowed {
		if !f.cuts {
			f.pass(l)
		}
		return false
	}
	out, err := net.Dial("tcp", target)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l.out = out
	if f.cuts && !f.allowed(sender) {
		f.end(l)
	}
	if l.ended {
		_ = out.Close()
	}
	return !l.ended
}

// pump copies until one end closes, and stands still while the link is not allowed.
func (f *forwarder) pump(l *link, to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !f.pass(l) {
			return
		}
		if _, bad := to.Write(buf[:n]); err != nil || bad != nil {
			return
		}
	}
}

// pass waits until a link is allowed; false: it has ended.
func (f *forwarder) pass(l *link) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !l.ended && !f.allowed(l.sender) {
		f.changed.Wait()
	}
	return !l.ended
}

// finish ends a link, for one half of it is done.
func (f *forwarder) finish(l *link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(l)
	delete(f.links, l)
}

// end closes both halves. The caller holds mu.
func (f *forwarder) end(l *link) {
	l.ended = true
	_ = l.in.Close()
	if l.out != nil {
		_ = l.out.Close()
	}
	f.changed.Broadcast()
}

func (f *forwarder) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	f.closed = true
	for l := range f.links {
		f.end(l)
	}
	f.mu.Unlock()
	f.wg.Wait()
}
