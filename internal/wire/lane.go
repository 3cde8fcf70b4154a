package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
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

	dialErr atomic.Pointer[error]
	current atomic.Pointer[radix.Conn] // the connection last used
	bytes   atomic.Int64               // of arguments under way

	mu    sync.Mutex
	on    radix.Conn       // the connection that known is about
	known map[*Script]bool // scripts that ran on it
}

// knows reports whether all scripts of b have run on the connection.
func (l *Lane) knows(conn radix.Conn, b *Batch) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on != conn {
		return false
	}
	for i := range b.runs {
		if !l.known[b.script(i)] {
			return false
		}
	}
	return true
}

// learn notes that the scripts of b have run on the connection.
func (l *Lane) learn(conn radix.Conn, b *Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on != conn {
		l.on, l.known = conn, make(map[*Script]bool)
	}
	for i := range b.runs {
		l.known[b.script(i)] = true
	}
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
	b.limit = l.Timeout + time.Duration(l.bytes.Add(int64(b.size))/slowest)*time.Second
	defer l.bytes.Add(-int64(b.size))
	ctx, cancel := context.WithTimeout(context.Background(), connWait)
	b.err = l.Client.Do(ctx, b)
	cancel()
	b.abandon()
	if why := l.dialErr.Load(); errors.Is(b.err, context.DeadlineExceeded) && why != nil && *why != nil {
		b.err = *why
	}
}

// bufferSize of connections: a full batch of small items is one system call.
const bufferSize = 64 << 10

// NewRespOpts is for radix.Dialer: buffers that hold a batch.
func NewRespOpts() *resp.Opts {
	o := resp.NewOpts()
	o.GetBufferedReader = func(r io.Reader) resp.BufferedReader { return bufio.NewReaderSize(r, bufferSize) }
	o.GetBufferedWriter = func(w io.Writer) resp.BufferedWriter { return bufio.NewWriterSize(w, bufferSize) }
	return o
}
