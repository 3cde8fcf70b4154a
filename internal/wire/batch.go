package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/resp"
)

// A Batch is some commands of one name, sent as one write and answered by one
// read. It is a radix.Action.
type Batch struct {
	name, instance string
	numbers        *atomic.Uint64

	lane    *Lane
	alone   bool // nothing newer may be under way with it; settled before written
	cmds    []Command
	runs    []run
	size    int // bytes of arguments
	callers int
	seq     uint64
	limit   time.Duration // of one round trip, or of silence: see watch
	sent    time.Time
	landed  bool
	way     time.Duration // the shortest round trip on its connection so far

	// before is the batch under way when this one was formed. Both have to take the
	// same connection: on another one they could overtake each other.
	before *Batch
	conn   radix.Conn // set before written
	// last is the number of the last ordered run up to here that may still be under way.
	last atomic.Uint64

	written atomic.Bool   // some of it may have reached Redis
	wrote   chan struct{} // is told when it is written; nil: nobody

	// mu is held while the connection's goroutine writes or reads. abandoned
	// keeps that goroutine, which may outlive a failed call, from touching the
	// commands later.
	mu        sync.Mutex
	abandoned bool

	short bool // too few replicas have it

	err error // of the whole batch: why the commands without an answer have none
}

// A run is consecutive commands of one script: one EVALSHA.
type run struct {
	from, to int // into cmds
	groups   int
	args     int
	repeat   bool
	eval     bool // Redis does not know the script: send its text
	sent     bool // it may have run
	done     bool // answered, by elements or by a refusal
	decoded  int  // commands that have their elements
	refusal  string

	ordered       bool   // one of its commands is
	number, after uint64 // of an ordered run, and of the one in front of it
}

func (b *Batch) add(c Command) {
	r := c.request()
	b.callers += max(r.Callers, 1)
	if n := len(b.runs); n > 0 {
		last := &b.runs[n-1]
		first := b.cmds[last.from].request()
		if first.Script == r.Script && last.repeat == r.repeat && r.Script.Group > 0 {
			b.cmds = append(b.cmds, c)
			last.to++
			last.groups += r.Groups
			last.args += r.args()
			last.ordered = last.ordered || r.Ordered
			b.size += len(r.Args)
			return
		}
	}
	b.runs = append(b.runs, run{
		from: len(b.cmds), to: len(b.cmds) + 1, groups: r.Groups, args: r.args(), repeat: r.repeat, ordered: r.Ordered,
	})
	b.cmds = append(b.cmds, c)
	b.size += len(r.Args)
}

// joins reports whether r may go with a batch that has to be alone: in its one call.
func (b *Batch) joins(r *Request) bool {
	first := b.cmds[0].request()
	return r.keepsNumber() && r.Script == first.Script && r.Script.Group > 0
}

// Properties implements radix.Action.
func (b *Batch) Properties() radix.ActionProperties {
	// Any key will do for routing: those of a name share a slot. Redirections are not followed here, for the batch behind
	// this one would be as well: both go back to the outbox, which sends them again in order.
	key := b.cmds[0].request().Script.Keys[0].Of(b.name)
	return radix.ActionProperties{Keys: []string{key}, CanShareConn: true}
}

// Perform implements radix.Action. The context's end does not interrupt it: a
// connection that does not answer within the limit is closed, which ends every
// wait on it, also those that radix would not end.
func (b *Batch) Perform(_ context.Context, conn radix.Conn) error {
	if b.before != nil && b.before.conn != conn {
		return resp.ErrConnUsable{Err: errOvertaking}
	}
	b.conn = conn
	b.lane.current.Store(&conn)
	known := b.lane.knows(conn, b)
	if !known {
		b.alone = true // a NOSCRIPT would let the next batch pass this one
	}
	for {
		start := time.Now()
		if err := b.roundTrip(conn); err != nil {
			return err
		}
		took := time.Since(start)
		if b.complete() {
			if !known {
				b.lane.learn(conn, b)
			}
			b.way = b.lane.way(conn, took)
			return nil
		}
	}
}

// script is what run i calls.
func (b *Batch) script(i int) *Script { return b.cmds[b.runs[i].from].request().Script }

// suffixes are those of run i's commands that add a key.
func (b *Batch) suffixes(i int) (list []string) {
	if b.script(i).Each == "" {
		return nil
	}
	for _, c := range b.cmds[b.runs[i].from:b.runs[i].to] {
		if req := c.request(); req.Keyed {
			list = append(list, req.Suffix)
		}
	}
	return list
}

func (b *Batch) roundTrip(conn radix.Conn) error {
	if b.lane.Replicas.N == 0 {
		overdue := time.AfterFunc(b.limit, func() { _ = conn.Close() })
		defer overdue.Stop()
	} else {
		defer b.watch(conn)()
	}
	err := conn.EncodeDecode(context.Background(), (*marshaler)(b), (*unmarshaler)(b))
	if err != nil {
		_ = conn.Close() // so that the goroutine below lets go of mu
	}
	return err
}

// watch closes the connection if it is silent for longer than the limit. Where replicas are missing, the batches of other
// names that are in front of this one take all of their time to wait for them, one after the other. That is no server
// that hangs.
func (b *Batch) watch(conn radix.Conn) (end func()) {
	var ended atomic.Bool
	var overdue *time.Timer
	overdue = time.AfterFunc(math.MaxInt64, func() {
		if left := b.limit - b.lane.silent(conn); ended.Load() {
			return
		} else if left > 0 {
			overdue.Reset(left)
		} else {
			_ = conn.Close()
		}
	})
	overdue.Reset(b.limit)
	return func() {
		ended.Store(true)
		overdue.Stop()
	}
}

func (b *Batch) complete() bool {
	for i := range b.runs {
		if !b.runs[i].done {
			return false
		}
	}
	return true
}

// turned is why Redis did not run all of the batch now, if it will later or elsewhere.
func (b *Batch) turned() error {
	for i := range b.runs {
		if r := &b.runs[i]; r.refusal != "" && passes(r.refusal) && !early(r.refusal) {
			return errors.New(r.refusal)
		}
	}
	return b.err
}

// abandon waits until no connection works on the batch and keeps it so.
func (b *Batch) abandon() {
	b.mu.Lock()
	b.abandoned = true
	b.mu.Unlock()
}

// marshaler and unmarshaler keep RESP methods off Batch's own method set.
type (
	marshaler   Batch
	unmarshaler Batch
)

// MarshalRESP writes the runs that have no answer yet.
func (m *marshaler) MarshalRESP(w io.Writer, _ *resp.Opts) error {
	b := (*Batch)(m)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.abandoned {
		return resp.ErrConnUsable{Err: errAbandoned}
	}
	b.written.Store(true)
	b.number()
	var buf []byte
	for i := range b.runs {
		r := &b.runs[i]
		if r.done {
			continue
		}
		r.sent = true
		buf = b.script(i).appendHead(buf[:0], head{
			name: b.name, instance: b.instance, args: r.args, suffixes: b.suffixes(i), repeat: r.repeat, eval: r.eval, cluster: b.lane.Cluster,
			after: r.after, number: r.number,
		})
		if _, err := w.Write(buf); err != nil {
			return err
		}
		for _, c := range b.cmds[r.from:r.to] {
			if _, err := w.Write(c.request().Args); err != nil {
				return err
			}
		}
	}
	if b.waits() {
		b.short = true // until we know better: the connection may break between the answers and this one
		if _, err := w.Write(b.appendWait(buf[:0])); err != nil {
			return err
		}
	}
	select {
	case b.wrote <- struct{}{}:
	default: // nobody wants to know, or will look anyway
	}
	return nil
}

// number gives a number to everything that is about to be written, before any of it
// is. Those of a batch follow one another, so that scripts keep few ranges of them. An ordered run
// keeps its number when its text is sent: what is behind it waits for that.
func (b *Batch) number() {
	n := uint64(0)
	b.unnumbered(func(*Request) { n++ })
	next := b.numbers.Add(n) - n
	b.unnumbered(func(r *Request) {
		next++
		r.number = next
		r.Args.setNumber(next)
	})
	b.order()
}

// order has each ordered run wait for the one in front of it. It gets a number of its own, or that of the last of its
// commands, if they have numbers, which says as much.
func (b *Batch) order() {
	last := b.last.Load()
	if b.before != nil {
		last = b.before.last.Load() // it was written before, for it took the same connection
		b.before = nil              // or each batch would keep all those before it
	}
	for i := range b.runs {
		r := &b.runs[i]
		if !r.ordered {
			continue
		}
		if r.number == 0 {
			r.after = last
			if r.number = b.cmds[r.to-1].request().number; r.number == 0 {
				r.number = b.numbers.Add(1)
			}
		}
		last = r.number
	}
	b.last.Store(last)
}

// unnumbered calls do with each request that needs a number.
func (b *Batch) unnumbered(do func(*Request)) {
	for i := range b.runs {
		r := &b.runs[i]
		for _, c := range b.cmds[r.from:r.to] {
			if req := c.request(); !r.done && r.number == 0 && req.Numbered && !req.repeat {
				do(req)
			}
		}
	}
}

// UnmarshalRESP reads one reply per run that was sent.
func (u *unmarshaler) UnmarshalRESP(br resp.BufferedReader, _ *resp.Opts) error {
	b := (*Batch)(u)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.abandoned {
		return errAbandoned
	}
	for i := range b.runs {
		if r := &b.runs[i]; !r.done {
			if err := b.read(r, NewReader(br)); err != nil {
				return err
			}
		}
	}
	if b.waits() {
		if err := b.readWait(NewReader(br)); err != nil {
			return err
		}
	}
	if b.lane.Replicas.N > 0 {
		b.lane.hear(b.conn)
	}
	return nil
}

func (b *Batch) read(r *run, rd Reader) error {
	n, refusal, err := rd.start()
	if err != nil {
		return err
	}
	r.sent = refusal == ""
	switch {
	case r.sent:
	case strings.HasPrefix(refusal, "NOSCRIPT") && !r.eval:
		r.eval = true
		return nil
	default:
		r.refusal, r.done = refusal, true
		return nil
	}
	if n != r.groups {
		return fmt.Errorf("wire: script %s answered %d elements for %d groups",
			b.cmds[r.from].request().Script.Name, n, r.groups)
	}
	for _, c := range b.cmds[r.from:r.to] {
		if err := c.Decode(rd); err != nil {
			return fmt.Errorf("wire: script %s: %w", c.request().Script.Name, err)
		}
		r.decoded++
	}
	r.done = true
	return nil
}
