package wire

import "sync"

// Calls makes calls of one group that are answered with a status: see CallsOf.
type Calls struct{ of CallsOf[int64] }

// New returns a call of one group of the script, whose Args have room for size payload
// bytes in n arguments.
func (p *Calls) New(s *Script, n, size int) *Call[int64] { return p.of.New(s, Worst, n, size) }

// Free takes a call back: see CallsOf.
func (p *Calls) Free(c *Call[int64]) { p.of.Free(c) }

// CallsOf makes calls of one group that are answered with a T, out of those that
// were answered before: on the hot paths the garbage collector is what a call costs
// most. The zero value is ready.
type CallsOf[T any] struct{ pool sync.Pool }

// largest is the room for arguments that is kept with a call.
const largest = 4 << 10 // bytes

// New returns a call of one group of the script, which read decodes the answer of and whose
// Args have room for size payload bytes in n arguments.
func (p *CallsOf[T]) New(s *Script, read func(r Reader, groups int) (T, error), n, size int) *Call[T] {
	c, _ := p.pool.Get().(*Call[T])
	if c == nil {
		c = new(Call[T])
	}
	args := c.Args[:0]
	if cap(args) < size+n*perArg {
		args = NewArgs(n, size)
	}
	c.Request = Request{Script: s, Args: args, Groups: 1}
	c.Read = read
	c.Init()
	return c
}

// Free takes a call back that was waited for. One whose caller left before the answer
// came is still the actor's, and stays so.
func (p *CallsOf[T]) Free(c *Call[T]) {
	if c.Answered() && cap(c.Args) <= largest {
		var none T
		c.value = none // the caller has it
		c.Init()
		p.pool.Put(c)
	}
}
