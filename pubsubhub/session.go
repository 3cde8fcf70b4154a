package pubsubhub

import (
	"context"
	"errors"
	"io"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/resp"
)

const (
	readSize = 64 << 10 // of a batch's buffer, unless a message is larger
	keepSize = 1 << 20  // larger buffers are given back
	minRead  = 4 << 10  // at least this much room for a read, so that radix's own buffer is passed by
)

var errEnded = errors.New("pubsubhub: connection ended")

// session is one connection: a goroutine that dials and then reads until the end, and one that writes. It tells the owner
// through the inbox: connected, any number of batches, ended.
type session struct {
	ctx  context.Context // ends with the connection; its cause says why
	end  context.CancelCauseFunc
	out  *queue[[]byte]
	free chan *batch // two batches take turns: one is being read, one is being routed
	tell func(command)
}

// batch is what one read brought: whole frames, in order.
type batch struct {
	buf    []byte // frames alias it
	filled int
	frames []frame
}

func newSession(ctx context.Context, tell func(command)) *session {
	ctx, end := context.WithCancelCause(ctx)
	s := &session{ctx: ctx, end: end, out: newQueue[[]byte](), free: make(chan *batch, 2), tell: tell}
	for range cap(s.free) {
		s.free <- new(batch)
	}
	return s
}

// run lives as long as the connection.
func (s *session) run(cfg *Config) {
	err := s.connect(cfg)
	s.end(err) // without effect if the owner ended it
	s.tell(&ended{s, context.Cause(s.ctx)})
}

func (s *session) connect(cfg *Config) error {
	dialing, cancel := context.WithTimeout(s.ctx, cfg.Timeout)
	defer cancel()
	conn, err := cfg.Dial(dialing)
	if err != nil {
		return err
	}
	// Closing is the one thing that ends a read, or a write to a peer that takes nothing. It waits for radix's goroutines,
	// one of which runs UnmarshalRESP: so never from there.
	stop := context.AfterFunc(s.ctx, func() { _ = conn.Close() })
	defer stop()

	s.tell(&connected{s})
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write(conn)
	}()
	err = conn.EncodeDecode(context.Background(), nil, s)
	if err == nil {
		err = errEnded
	}
	s.end(err)
	_ = conn.Close() // returns when UnmarshalRESP did: no batch comes after ended
	<-written
	return err
}

func (s *session) write(conn radix.Conn) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.out.wake:
		}
		if err := conn.EncodeDecode(s.ctx, encoded(s.out.take()), nil); err != nil {
			s.end(err)
			return
		}
	}
}

// encoded is commands ready for the wire.
type encoded [][]byte

// MarshalRESP implements resp.Marshaler.
func (e encoded) MarshalRESP(w io.Writer, _ *resp.Opts) error {
	for _, b := range e {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// UnmarshalRESP implements resp.Unmarshaler. It reads for as long as the connection lives and hands over what each read
// brought, so that the cost of a hop to the owner is shared by hundreds of messages under load. When the owner is busy
// with both batches it stops reading: then Redis buffers.
func (s *session) UnmarshalRESP(br resp.BufferedReader, _ *resp.Opts) error {
	b, err := s.next(nil)
	for err == nil {
		var n int
		n, err = br.Read(b.room())
		b.filled += n
		used, bad := b.parse()
		tail := b.buf[used:b.filled]
		if len(b.frames) > 0 {
			s.tell(&arrived{s, b})
			var none error
			if b, none = s.next(tail); none != nil {
				return none
			}
		}
		if bad != nil {
			return bad
		}
	}
	return err
}

// next waits for a batch that is free and starts it with the frame that was not complete.
func (s *session) next(tail []byte) (*batch, error) {
	select {
	case b := <-s.free:
		if b.buf == nil || len(b.buf) < len(tail) {
			b.buf = make([]byte, max(readSize, len(tail)))
		}
		b.filled = copy(b.buf, tail) // the two may overlap
		return b, nil
	case <-s.ctx.Done():
		return nil, context.Cause(s.ctx)
	}
}

func (b *batch) room() []byte {
	if len(b.buf)-b.filled < minRead {
		larger := make([]byte, 2*len(b.buf)) // doubles with what really came, whatever length a header claims
		copy(larger, b.buf[:b.filled])
		b.buf = larger
	}
	return b.buf[b.filled:]
}

// parse finds the whole frames at the start of the buffer and returns their length.
func (b *batch) parse() (used int, err error) {
	b.frames = b.frames[:0]
	for used < b.filled {
		f, n, err := parseFrame(b.buf[used:b.filled])
		if err == errShort {
			break
		}
		if err != nil {
			return used, err
		}
		b.frames = append(b.frames, f)
		used += n
	}
	return used, nil
}

// recycle gives a batch back to the reader.
func (s *session) recycle(b *batch) {
	clear(b.frames) // they hold the payloads
	if len(b.buf) > keepSize {
		b.buf = nil
	}
	s.free <- b
}
