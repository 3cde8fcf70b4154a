package wire

import (
	"math"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
)

// A Command is one request of an actor to Redis. Its methods are called by the
// actor's goroutine, except for Decode.
type Command interface {
	// request is what a command has by embedding a Request.
	request() *Request
	// Begin tells that the command is about to be sent. False: its caller has
	// left, drop it.
	Begin() bool
	// Unbegin tells that it was not sent after all. False: its caller has left.
	Unbegin() bool
	// Left reports whether its caller has left.
	Left() bool
	// Decode reads the command's elements of the reply. It runs on the
	// connection's goroutine and may only write to the command. It may run
	// again after it failed.
	Decode(Reader) error
	// Settle answers the command: with what Decode read when err is nil.
	Settle(err error)
}

// A Request is what a command sends. Embed it.
type Request struct {
	Script *Script
	Args   Args
	Groups int    // elements that the reply has for it
	Count  int    // arguments in Args, when the script's groups have no fixed size
	Keyed  bool   // it adds a key to the script's: Script.Each with its Suffix
	Suffix string // may be empty, as ids of peers may

	// Numbered says that Args begins with Number. Numbers grow in the order in
	// which an engine's commands on one name are written, and a command that may
	// have run keeps its number. So a script that keeps the last number it ran
	// knows which commands it has run before, however late a copy arrives.
	Numbered bool
	// Repeatable says that the request may be sent again after its reply was
	// lost: the script recognises what it did before.
	Repeatable bool
	// ReadOnly says that the request changes nothing, so that its outcome is
	// never unknown.
	ReadOnly bool
	// Callers is how many callers wait for it, if it is more than one.
	Callers int
	// Unhurried says that nobody waits for it: it is no reason for more batches under way than
	// keep Redis busy.
	Unhurried bool
	// Patient says that it waits for Redis as long as it takes. Otherwise its caller
	// waits no longer than Patience.
	Patient bool
	// Last says that its batch ends with it: what is added later goes with another one.
	Last bool
	// Ordered says that it must not run before the ordered ones of the name that were sent in
	// front of it. Redis may refuse one batch and, a moment later, run the next one, which is on
	// its way already. The script has to call early.
	Ordered bool

	born   time.Time // since when its caller waits, as far as that is known
	repeat bool      // it may have run before
	number uint64    // that it was last written with
}

func (r *Request) request() *Request { return r }

// keepsNumber reports that it will be sent with the number it has. Nothing with a
// newer number may run before it: its script would take it for a late copy.
func (r *Request) keepsNumber() bool { return r.Numbered && r.repeat }

// Since tells for how long its caller has been waiting already.
func (r *Request) Since(t time.Time) { r.born = t }

// rank is its place among commands that are sent again.
func (r *Request) rank() uint64 {
	if r.keepsNumber() {
		return r.number
	}
	return math.MaxUint64
}

// args is the number of arguments in Args.
func (r *Request) args() int {
	if r.Script.Group == 0 {
		return r.Count
	}
	return r.Groups * r.Script.Group
}

// Call is a command that answers its caller with a T, which Read decodes.
type Call[T any] struct {
	Request
	actor.Reply[T]
	Read func(r Reader, groups int) (T, error)

	value T
}

// NewCall returns a call of groups groups of the script, which args holds.
func NewCall[T any](s *Script, groups int, args Args, read func(r Reader, groups int) (T, error)) *Call[T] {
	c := &Call[T]{Request: Request{Script: s, Args: args, Groups: groups}, Read: read}
	c.Init()
	return c
}

// NewSingle returns a call of a script whose groups have no fixed size: n
// arguments, one element in the reply.
func NewSingle[T any](s *Script, n int, args Args, read func(r Reader, groups int) (T, error)) *Call[T] {
	c := NewCall(s, 1, args, read)
	c.Count = n
	return c
}

// Begin implements Command. One that only reads never begins: whoever leaves it has
// changed nothing.
func (c *Call[T]) Begin() bool {
	if c.ReadOnly {
		return !c.Left()
	}
	return c.Reply.Begin()
}

// Unbegin implements Command.
func (c *Call[T]) Unbegin() bool {
	if c.ReadOnly {
		return !c.Left()
	}
	return c.Reply.Unbegin()
}

// Decode implements Command.
func (c *Call[T]) Decode(r Reader) (err error) {
	c.value, err = c.Read(r, c.Groups)
	return err
}

// Settle implements Command.
func (c *Call[T]) Settle(err error) { c.Resolve(c.value, err) }

// Statuses reads a status per group.
func Statuses(r Reader, groups int) ([]int64, error) {
	list := make([]int64, groups)
	for i := range list {
		var err error
		if list[i], err = r.Int(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Worst reads a status per group and returns the one that matters for all: a
// negative one, or else the largest.
func Worst(r Reader, groups int) (status int64, err error) {
	for range groups {
		n, err := r.Int()
		if err != nil {
			return 0, err
		}
		if n < 0 || status >= 0 && n > status {
			status = n
		}
	}
	return status, nil
}

// Part is how many of the next n items make one command; size tells the bytes of
// each.
func Part(n int, size func(i int) int) int {
	i, bytes := 0, 0
	for i < n && i < MaxBatch && (i == 0 || bytes+size(i) <= MaxBatchSize) {
		bytes += size(i)
		i++
	}
	return i
}
