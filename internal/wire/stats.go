package wire

import (
	"math/bits"
	"sync/atomic"
)

// Stats counts what the outboxes of one kind send. All fields only grow, except
// InFlight.
type Stats struct {
	Commands atomic.Uint64
	Batches  atomic.Uint64
	Retries  atomic.Uint64 // attempts after a failure
	InFlight atomic.Int64  // commands on their way
	Sizes    [10]atomic.Uint64
}

// launched counts a batch of n commands. Sizes[i] has the batches of up to 2^i
// commands, and more than 2^(i-1).
func (s *Stats) launched(n int) {
	s.Commands.Add(uint64(n))
	s.Batches.Add(1)
	s.InFlight.Add(int64(n))
	s.Sizes[min(bits.Len(uint(n-1)), len(s.Sizes)-1)].Add(1)
}

func (s *Stats) landed(n int) { s.InFlight.Add(-int64(n)) }
