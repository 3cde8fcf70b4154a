// Package delay forwards connections and adds to their round-trip time. Throughput is not limited: what arrives is
// stamped with the time at which it is due and handed on then, however much is on its way.
package delay

import (
	"bytes"
	"context"
	"net"
	"sync"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
)

// A Forwarder joins each connection that it accepts with one of its own.
type Forwarder struct {
	rtt      time.Duration
	dial     func(context.Context) (net.Conn, error)
	listener net.Listener
	wait     sync.WaitGroup
	ctx      context.Context // ends with Close
	end      context.CancelFunc

	mu    sync.Mutex
	conns []net.Conn
}

// Start accepts connections from the listener and forwards them to what dial connects to. Each round trip takes longer
// by rtt. All of that is on the way back, so that being a bit late counts once.
func Start(listener net.Listener, rtt time.Duration, dial func(context.Context) (net.Conn, error)) *Forwarder {
	f := &Forwarder{rtt: rtt, dial: dial, listener: listener}
	f.ctx, f.end = context.WithCancel(context.Background())
	f.wait.Go(f.accept)
	return f
}

// Close ends the listener and all connections, whatever is still on its way.
func (f *Forwarder) Close() error {
	err := f.listener.Close()
	f.end()
	f.mu.Lock()
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.wait.Wait()
	return err
}

func (f *Forwarder) accept() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.wait.Go(func() { f.join(client) })
	}
}

// join forwards one connection until one side ends it.
func (f *Forwarder) join(client net.Conn) {
	defer client.Close()
	ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
	server, err := f.dial(ctx)
	cancel()
	if err != nil {
		return
	}
	defer server.Close()
	f.mu.Lock()
	f.conns = append(f.conns, client, server)
	f.mu.Unlock()
	if f.ctx.Err() != nil { // Close has not seen them
		return
	}
	late := make(chan chunk, most)
	var wait sync.WaitGroup
	end := func() { _, _ = client.Close(), server.Close() }
	wait.Go(func() {
		defer end()
		forward(server, client)
	})
	wait.Go(func() {
		defer end()
		f.deliver(client, late)
	})
	f.stamp(server, late)
	end()
	wait.Wait()
}

const (
	size = 64 << 10              // bytes of a chunk
	most = 4096                  // chunks on their way
	nap  = 20 * time.Millisecond // at most: Close waits for one
)

// A chunk is what one read brought.
type chunk struct {
	due  time.Time
	data []byte
}

func forward(to, from net.Conn) {
	buf := make([]byte, size)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// stamp reads until the end and closes late behind it.
func (f *Forwarder) stamp(from net.Conn, late chan<- chunk) {
	defer close(late)
	buf := make([]byte, size)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			late <- chunk{time.Now().Add(f.rtt), bytes.Clone(buf[:n])}
		}
		if err != nil {
			return
		}
	}
}

// deliver writes each chunk when it is due. A sleep takes longer than it should, so it ends early, and deliver spins for what is
// left. After an error, and after Close, it drops what is left, so that stamp never waits for it.
func (f *Forwarder) deliver(to net.Conn, late <-chan chunk) {
	broken := false
	over := 100 * time.Microsecond // by how much a sleep is too long, on average
	for c := range late {
		slept := false
		for wait := time.Until(c.due); wait > over && !broken && f.ctx.Err() == nil; wait = time.Until(c.due) {
			load.Sleep(min(wait-over, nap))
			slept = true
		}
		if broken || f.ctx.Err() != nil {
			continue
		}
		if slept {
			over = max(0, over+time.Since(c.due)/8)
		}
		for time.Now().Before(c.due) {
		}
		if _, err := to.Write(c.data); err != nil {
			broken = true
			_ = to.Close()
		}
	}
}
