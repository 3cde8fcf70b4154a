package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/resp"
)

// connWait bounds how long a batch waits for a connection. It is short because
// a radix pool without connections wakes only one waiter for each that comes
// back; the others are back here soon, with their place in line kept.
const connWait = 50 * time.Millisecond

// slowest is the rate below which a transfer counts as stuck, in bytes a second.
const slowest = 1 << 20

// A Lane is one connection's worth of Redis client, shared by some actors.
type Lane struct {
	Client radix.Client
	// Timeout of one round trip, to which a second is added per MiB under way on the
	// lane: a small batch may stand behind a large one of another name. The connection
	// is closed when it passes.
	Timeout time.Duration
	// Replicas that have to have what a batch has written before its callers are told.
	Replicas Replicas
	// Cluster says that slots can move to other nodes.
	Cluster bool
	// Turned is told why a batch was not done, if the reason may be that another node serves its name now. Nil: there is
	// no other node.
	Turned func(error)

	dialErr atomic.Pointer[error]
	current atomic.Pointer[radix.Conn] // the connection last used
	bytes   atomic.Int64               // of arguments under way

	mu    sync.Mutex
	known map[radix.Conn]*acquaintance // the last connection to each node
}

// acquaintance is what a lane knows of a connection.
type acquaintance struct {
	scripts map[*Script]bool // that ran on it
	heard   time.Time        // when its last answer came, if batches wait for replicas
	way     time.Duration    // the shortest round trip
}

// knows reports whether all scripts of b have run on the connection.
func (l *Lane) knows(conn radix.Conn, b *Batch) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.known[conn]
	for i := range b.runs {
		if a == nil || !a.scripts[b.script(i)] {
			return false
		}
	}
	return true
}

// learn notes that the scripts of b have run on the connection.
func (l *Lane) learn(conn radix.Conn, b *Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.known[conn]
	if a == nil {
		a = &acquaintance{scripts: make(map[*Script]bool), heard: time.Now(), way: math.MaxInt64}
		if l.known == nil {
			l.known = make(map[radix.Conn]*acquaintance)
		}
		addr := conn.Addr().String()
		maps.DeleteFunc(l.known, func(before radix.Conn, _ *acquaintance) bool { return before.Addr().String() == addr })
		l.known[conn] = a
	}
	for i := range b.runs {
		a.scripts[b.script(i)] = true
	}
}

// hear notes that an answer came on the connection.
func (l *Lane) hear(conn radix.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.known[conn]; a != nil {
		a.heard = time.Now()
	}
}

// way is how far away the server is: the shortest round trip on the connection, of which the
// last one took that long.
func (l *Lane) way(conn radix.Conn, took time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.known[conn]
	if a == nil {
		return took
	}
	a.way = min(a.way, took)
	return a.way
}

// silent is for how long no answer has come on the connection.
func (l *Lane) silent(conn radix.Conn) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.known[conn]; a != nil {
		return time.Since(a.heard)
	}
	return math.MaxInt64
}

// Cut closes the connection, which ends what is under way on it.
func (l *Lane) Cut() {
	if c := l.current.Load(); c != nil {
		_ = (*c).Close()
	}
}

// Dialled tells the lane how the last attempt to connect ended. It is what
// callers are told when there was no connection for their batch.
func (l *Lane) Dialled(err error) { l.dialErr.Store(&err) }

// fly sends b and waits for its replies.
func (l *Lane) fly(b *Batch) {
	b.lane = l
	b.limit = l.Timeout + l.Replicas.Timeout + time.Duration(l.bytes.Add(int64(b.size))/slowest)*time.Second
	defer l.bytes.Add(-int64(b.size))
	ctx, cancel := context.WithTimeout(context.Background(), connWait)
	b.err = l.Client.Do(ctx, b)
	cancel()
	b.abandon()
	if why := l.dialErr.Load(); errors.Is(b.err, context.DeadlineExceeded) && why != nil && *why != nil {
		b.err = *why
	}
	if l.Turned != nil {
		if why := b.turned(); why != nil {
			l.Turned(why)
		}
	}
}

// bufferSize of connections: a full batch of small items is one system call.
const bufferSize = 64 << 10

// NewRespOpts is for radix.Dialer: buffers that hold a batch, and a guard.
func NewRespOpts() *resp.Opts {
	o := resp.NewOpts()
	o.GetBufferedReader = func(r io.Reader) resp.BufferedReader { return &guard{Reader: bufio.NewReaderSize(r, bufferSize)} }
	o.GetBufferedWriter = func(w io.Writer) resp.BufferedWriter { return bufio.NewWriterSize(w, bufferSize) }
	return o
}
