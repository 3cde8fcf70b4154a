package wire

import "sync"

// Calls makes calls of one group that are answered with a status, out of those that
// were answered before: on the hot paths the garbage collector is what a call costs
// most. The zero value is ready.
type Calls struct{ pool sync.Pool }

// largest is the room for arguments that is kept with a call.
const largest = 4 << 10 // bytes

// New returns a call of one group of the script, whose Args have room for size payload
// bytes in n arguments.
func (p *Calls) New(s *Script, n, size int) *Call[int64] {
	c, _ := p.pool.Get().(*Call[int64])
	if c == nil {
		c = &Call[int64]{Read: Worst}
	}
	args := c.Args[:0]
	if cap(args) < size+n*perArg {
		args = NewArgs(n, size)
	}
	c.Request = Request{Script: s, Args: args, Groups: 1}
	c.Init()
	return c
}

// Free takes a call back that was waited for. One whose caller left before the answer
// came is still the actor's, and stays so.
func (p *Calls) Free(c *Call[int64]) {
	if c.Answered() && cap(c.Args) <= largest {
		p.pool.Put(c)
	}
}
