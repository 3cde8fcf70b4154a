package redistest

import (
	"bytes"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/thoonk-go/thoonk/internal/redisserver"
)

// Proxy stands between clients and a server and breaks connections on demand. It reads whole requests and replies, so
// that faults strike at a known place; what it forwards is unchanged.
//
// Faults that strike later return a channel, closed when it has happened. All methods may be called from several
// goroutines, and from an OnRequest hook.
type Proxy struct {
	t       testing.TB
	target  endpoint
	dial    func() (net.Conn, error) // to it
	network string
	addr    string
	dir     string // holds the unix socket, if any
	wg      sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	listener  net.Listener // nil while refusing
	reopen    *time.Timer  // ends RefuseFor
	conns     map[int]*proxyConn
	stats     Stats
	onRequest func(conn int, raw []byte)
	delay     time.Duration // of replies
	gate      chan struct{} // open (closed channel) unless held
	swallow   []*fuse       // the first counts
	matches   []match
	cutReply  []*fuse               // all count
	cutByte   []*fuse               // all count
	refusal   string                // what Answer says; empty: the server answers
	unserved  map[net.Conn]struct{} // clients without a connection to the server: it is being made, or Answer is on
}

const anyPort = "127.0.0.1:0"

// Stats count what a proxy has seen.
type Stats struct {
	Connections int64 // accepted so far
	Open        int64 // now
	Requests    int64 // read from clients
	Replies     int64 // read from the server, pushed messages included
	Swallowed   int64 // replies that were dropped by SwallowReplies and SwallowNext
	BytesUp     int64 // written to the server
	BytesDown   int64 // written to clients
}

// fuse is a fault that strikes after so many events.
type fuse struct {
	left int64
	done chan struct{}
}

// match is a fault that strikes the reply of a request.
type match struct {
	text []byte
	done chan struct{}
}

// NewProxy starts a proxy in front of the server at targetURL: on a unix socket if the server is, else on a port of
// 127.0.0.1. It closes when the test ends.
func NewProxy(t testing.TB, targetURL string) *Proxy {
	t.Helper()
	target := mustParse(t, targetURL)
	if target.cluster {
		skipTopology(t, "cluster", "the proxy stands in front of one server")
	}
	p := &Proxy{
		t:      t,
		target: target,
		dial:   target.dial,
		conns:  map[int]*proxyConn{}, unserved: map[net.Conn]struct{}{},
		gate: openGate(),
	}
	p.network, p.addr = p.target.network, anyPort
	if p.network == "unix" {
		dir, err := redisserver.SocketDir()
		if err != nil {
			t.Fatalf("proxy: %v", err)
		}
		p.dir, p.addr = dir, filepath.Join(dir, "proxy.sock")
	}
	t.Cleanup(p.close)
	p.Refuse(false)
	return p
}

// URL is the target's with the proxy's address in it.
func (p *Proxy) URL() string { return p.target.at(p.network, p.addr) }

// Addr is where the proxy listens, as arguments for net.Dial.
func (p *Proxy) Addr() (network, addr string) { return p.network, p.addr }

// Stats returns the counters as they are now.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Open = int64(len(p.conns))
	return s
}

// Cut closes all connections at once, also those that are still being made to the server; what was on its way is lost. New
// ones are accepted.
func (p *Proxy) Cut() { p.cut(nil) }

// cut closes all connections, the given one as the last: its end tells that it is done.
func (p *Proxy) cut(last *proxyConn) {
	p.mu.Lock()
	conns := slices.Collect(maps.Values(p.conns))
	for client := range p.unserved { // whoever serves it finds that it is gone
		_ = client.Close()
	}
	clear(p.unserved)
	p.mu.Unlock()
	for _, c := range conns {
		if c != last {
			c.close()
		}
	}
	if last != nil {
		last.close()
	}
}

// CutAfter cuts all connections after n more replies, pushed messages included, have been delivered.
func (p *Proxy) CutAfter(n int) <-chan struct{} { return p.arm(&p.cutReply, int64(n)) }

// CutAfterBytes cuts all connections after n more bytes of replies have been delivered, so perhaps inside of one.
func (p *Proxy) CutAfterBytes(n int64) <-chan struct{} { return p.arm(&p.cutByte, n) }

// SwallowReplies drops the next n replies, each together with its connection: the server has run the command, and the
// client sees the connection end after the replies in front of it. Pushed messages do not count; replies to AUTH,
// SELECT and the like do.
func (p *Proxy) SwallowReplies(n int) <-chan struct{} { return p.arm(&p.swallow, int64(n)) }

func (p *Proxy) arm(list *[]*fuse, n int64) <-chan struct{} {
	if n < 1 {
		p.t.Fatalf("proxy: a fault after %d events", n)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &fuse{left: n, done: make(chan struct{})}
	*list = append(*list, f)
	return f.done
}

// burnSwallow counts a dropped reply, and returns what to close with the connection: for all but the last one of a
// SwallowReplies nobody waits. The caller holds mu.
func (p *Proxy) burnSwallow() chan struct{} {
	f := p.swallow[0]
	if f.left--; f.left > 0 {
		return make(chan struct{})
	}
	p.swallow = p.swallow[1:]
	return f.done
}

// SwallowNext drops the reply to the next request that has the text in it, and its connection, like SwallowReplies.
// If the connection ends before that reply comes, that is as good. Mind that a script's first call by its hash may be answered with NOSCRIPT.
func (p *Proxy) SwallowNext(text []byte) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := match{text: bytes.Clone(text), done: make(chan struct{})}
	p.matches = append(p.matches, m)
	return m.done
}

// Hold stops forwarding in both directions, the ends of connections included; connections stay open and new ones are
// accepted. What was being written at this moment may still arrive.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if isOpen(p.gate) {
		p.gate = make(chan struct{})
	}
}

// Release lets everything that Hold kept back go on, in order.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !isOpen(p.gate) {
		close(p.gate)
	}
}

// Delay adds d to every round trip, however much is on its way: throughput is not limited. Zero ends it for what is
// read from then on. All of the delay is on the way back: the server sees requests at once, and timers, which are good
// to about a millisecond in an idle process, are late once per round trip, not twice.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// OnRequest has f called with each request, before it is forwarded and one at a time per connection; nil ends it.
// Connections are numbered from 1. f must not keep raw. While f runs, its connection's requests wait.
func (p *Proxy) OnRequest(f func(conn int, raw []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onRequest = f
}

// Refuse stops listening, so that new connections are refused and existing ones live on; false listens again.
// A connection made just before, which nothing has been received on, may be reset.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reopen != nil {
		p.reopen.Stop()
		p.reopen = nil
	}
	p.listen(!refuse)
}

// RefuseFor is Refuse for the given time.
func (p *Proxy) RefuseFor(d time.Duration) {
	p.Refuse(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reopen = time.AfterFunc(d, func() { p.Refuse(false) })
}

// listen opens or closes the listener. The caller holds mu.
func (p *Proxy) listen(open bool) {
	switch {
	case p.closed || open == (p.listener != nil):
		return
	case !open:
		_ = p.listener.Close()
		p.listener = nil
		return
	}
	if p.network == "unix" {
		_ = os.Remove(p.addr) // the file stays while refusing: connecting to it is refused, not "no such file"
	}
	l, err := net.Listen(p.network, p.addr)
	if err != nil {
		p.t.Errorf("proxy: %v", err)
		return
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	p.listener = l
	if p.addr == anyPort { // the first time, in NewProxy; from then on it is fixed
		p.addr = l.Addr().String()
	}
	p.wg.Go(func() { p.accept(l) })
}

// accept serves one listener until it is closed.
func (p *Proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.listener != l { // refused meanwhile: a cut that came since would have missed it
			_ = client.Close()
		} else {
			p.unserved[client] = struct{}{}
			p.wg.Go(func() { p.connect(client) })
		}
		p.mu.Unlock()
	}
}

// connect joins a client with a connection of its own to the server.
func (p *Proxy) connect(client net.Conn) {
	if p.standIn(client) {
		return
	}
	server, err := p.dial()
	p.mu.Lock()
	defer p.mu.Unlock()
	_, here := p.unserved[client]
	delete(p.unserved, client)
	if err != nil || !here {
		_ = client.Close()
		if err == nil {
			_ = server.Close()
		}
		return
	}
	p.stats.Connections++
	c := newProxyConn(p, int(p.stats.Connections), client, server)
	p.conns[c.id] = c
	c.run()
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.listen(false)
	p.closed = true
	if p.reopen != nil {
		p.reopen.Stop()
	}
	p.mu.Unlock()
	p.Answer("") // which cuts
	p.wg.Wait()
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}

func openGate() chan struct{} {
	gate := make(chan struct{})
	close(gate)
	return gate
}

func isOpen(gate chan struct{}) bool {
	select {
	case <-gate:
		return true
	default:
		return false
	}
}
