//go:build linux

package chaos

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Kind is something that goes wrong.
type Kind struct {
	Name    string
	Weight  int           // how often, compared with others
	Longest time.Duration // that it lasts; 0: it is over at once
	On      func(on int) string
	// Strike makes it go wrong, and right again after Fault.For.
	Strike func(ctx context.Context, f Fault) error
}

// A Fault is one thing that goes wrong: which, when, on whom, for how long.
type Fault struct {
	Kind  int           // index of the list of kinds
	After int64         // operations since the fault before
	On    int           // whom it strikes: taken modulo the number of those there are
	For   time.Duration // how long it lasts
}

// A schedule is an endless list of faults that its seed decides alone.
type schedule struct {
	rnd   *rand.Rand
	kinds []Kind
	every int64 // operations between two faults, on average
	bag   []int // kinds, each as often as it weighs: they all come before one comes again
}

func newSchedule(seed uint64, kinds []Kind, every int64) *schedule {
	return &schedule{rnd: rand.New(rand.NewPCG(seed, 0x5eed)), kinds: kinds, every: every}
}

func (s *schedule) next() Fault {
	if len(s.bag) == 0 {
		for i, k := range s.kinds {
			for range k.Weight {
				s.bag = append(s.bag, i)
			}
		}
		s.rnd.Shuffle(len(s.bag), func(i, j int) { s.bag[i], s.bag[j] = s.bag[j], s.bag[i] })
	}
	f := Fault{Kind: s.bag[0], After: 1 + s.rnd.Int64N(2*s.every), On: s.rnd.IntN(1 << 16)}
	s.bag = s.bag[1:]
	if longest := s.kinds[f.Kind].Longest; longest > 0 {
		f.For = time.Duration(1 + s.rnd.Int64N(int64(longest)))
	}
	return f
}
