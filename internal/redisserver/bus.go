package redisserver

import (
	"io"
	"net"
	"sync"
)

// bus stands in front of the cluster bus port of one node, so that the others can be kept from it. Each link of the bus
// begins with a message whose header names its sender.
type bus struct {
	listener net.Listener
	allowed  func(sender string) bool // guarded by mu, as the rest

	mu     sync.Mutex
	target string           // empty until the node runs
	links  map[*link]string // sender of each; empty until it is known
	wg     sync.WaitGroup
}

// link is one connection and its other half.
type link struct{ in, out net.Conn }

func (l *link) close() {
	_ = l.in.Close()
	_ = l.out.Close()
}

// The sender's name in the header of a cluster message.
const (
	senderAt  = 40
	senderEnd = 80
)

func listenBus() (*bus, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &bus{listener: l, links: make(map[*link]string), allowed: func(string) bool { return true }}
	b.wg.Go(b.accept)
	return b, nil
}

func (b *bus) port() int { return b.listener.Addr().(*net.TCPAddr).Port }

// forward tells where the node's real port is.
func (b *bus) forward(target string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.target = target
}

// allow says whose links may live, and cuts those of others.
func (b *bus) allow(allowed func(sender string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allowed = allowed
	for l, sender := range b.links {
		if sender == "" || !allowed(sender) {
			l.close()
		}
	}
}

func (b *bus) accept() {
	for {
		in, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		target := b.target
		b.mu.Unlock()
		out, err := net.Dial("tcp", target)
		if err != nil {
			_ = in.Close()
			continue
		}
		l := &link{in, out}
		b.mu.Lock()
		b.links[l] = ""
		b.mu.Unlock()
		b.wg.Go(func() { b.carry(l) })
	}
}

// carry lives as long as the link.
func (b *bus) carry(l *link) {
	defer func() {
		l.close()
		b.mu.Lock()
		delete(b.links, l)
		b.mu.Unlock()
	}()
	header := make([]byte, senderEnd)
	if _, err := io.ReadFull(l.in, header); err != nil {
		return
	}
	sender := string(header[senderAt:])
	b.mu.Lock()
	b.links[l] = sender
	ok := b.allowed(sender)
	b.mu.Unlock()
	if !ok {
		return
	}
	if _, err := l.out.Write(header); err != nil {
		return
	}
	b.wg.Go(func() {
		_, _ = io.Copy(l.in, l.out)
		l.close()
	})
	_, _ = io.Copy(l.out, l.in)
}

func (b *bus) close() {
	_ = b.listener.Close()
	b.mu.Lock()
	for l := range b.links {
		l.close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}
