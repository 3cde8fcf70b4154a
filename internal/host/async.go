package host

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/wire"
)

const (
	// partItems is how many items wait for each other while others are on their way.
	partItems = 64
	// partsAhead is how many parts may be on their way, in the actor's hands or Redis': six batches, for a Redis that is far.
	partsAhead = 24
	// DefaultPending is how many items an Async accepts before it makes its callers wait.
	DefaultPending = 4096
	// pendingSize is how many bytes of them it accepts: items may be large. One more may pass it.
	pendingSize = 64 << 20
)

// An Async sends items to one name on behalf of callers who do not wait for the
// answers. The first item goes at once; those that come while it is on its way
// travel together. It has goroutines only while something is pending.
type Async[C any] struct {
	cfg AsyncConfig[C]

	mu       sync.Mutex
	waiting  []*Part // the last one accepts items until it is full
	spare    []*Part // answered, with room for the next items
	added    uint64
	answered uint64
	size     int // bytes of arguments that were accepted and not answered
	parts    int // on their way
	barrier  bool
	running  bool
	first    error         // of an item, since the last Flush
	moved    chan struct{} // closed when answered grows; nil when nobody waits

	kick chan struct{} // the sender looks again
}

// AsyncConfig is what the types differ in.
type AsyncConfig[C any] struct {
	Name    *actor.Handle[C]
	Pending int // items accepted and not answered; DefaultPending if it is not positive
	// Call makes the command, a C, of a part, which has as many groups.
	Call func(p *Part, groups int) actor.Asker[[]int64]
	// Outcome is what the status of an item means.
	Outcome func(status int64) error
	// After, if not nil, is told the status of the last item of each part.
	After func(status int64)
	Wrap  func(error) error // adds the name and the operation
}

// A Part is items that travel together.
type Part struct {
	Args    wire.Args
	Soonest time.Duration // the shortest delay among them; 0: none has one

	since time.Time // when the first was accepted
	items []pending
	call  actor.Asker[[]int64]
	box   interface{ Done() <-chan struct{} }
	err   error // it was not accepted, or not done

	statuses []int64
	told     int // items whose callers know
}

type pending struct {
	id   string
	done func(id string, err error)
}

// NewAsync returns an Async.
func NewAsync[C any](cfg AsyncConfig[C]) *Async[C] {
	if cfg.Pending <= 0 {
		cfg.Pending = DefaultPending
	}
	return &Async[C]{cfg: cfg, kick: make(chan struct{}, 1)}
}

// Add accepts an item, whose group encode appends to a part: first tells whether it is the
// first of its call. When as many are pending as may be it waits for room, at most until ctx ends.
// done, if not nil, is called with the outcome.
func (a *Async[C]) Add(ctx context.Context, id string, done func(string, error), encode func(p *Part, first bool)) error {
	if err := ctx.Err(); err != nil {
		return a.cfg.Wrap(fmt.Errorf("%w (%w)", err, actor.ErrNotSent))
	}
	a.mu.Lock()
	for a.added-a.answered >= uint64(a.cfg.Pending) || a.size >= pendingSize {
		if err := a.wait(ctx); err != nil {
			a.mu.Unlock()
			return a.cfg.Wrap(fmt.Errorf("%w (%w)", err, actor.ErrNotSent))
		}
	}
	p := a.open()
	a.size -= len(p.Args)
	if len(p.items) == 0 {
		p.since = time.Now()
	}
	encode(p, len(p.items) == 0)
	a.size += len(p.Args)
	p.items = append(p.items, pending{id, done})
	a.added++
	if a.ready() {
		a.look()
	}
	if !a.running {
		a.running = true
		go a.send()
	}
	a.mu.Unlock()
	return nil
}

// open returns the part that accepts items.
func (a *Async[C]) open() *Part {
	if n := len(a.waiting); n > 0 && !a.waiting[n-1].full() {
		return a.waiting[n-1]
	}
	p := new(Part)
	if n := len(a.spare); n > 0 {
		p, a.spare = a.spare[n-1], a.spare[:n-1]
	}
	a.waiting = append(a.waiting, p)
	return p
}

// Flush waits until all items that were accepted before have been answered, or ctx
// ends. It returns the first error of an item since the last Flush.
func (a *Async[C]) Flush(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for until := a.added; a.answered < until; {
		if err := a.wait(ctx); err != nil {
			return a.cfg.Wrap(fmt.Errorf("%w (%w)", err, actor.ErrOutcomeUnknown))
		}
	}
	err := a.first
	a.first = nil
	return err
}

// wait lets go of mu until some items were answered, or ctx ends.
func (a *Async[C]) wait(ctx context.Context) error {
	if a.moved == nil {
		a.moved = make(chan struct{})
	}
	moved := a.moved
	a.mu.Unlock()
	defer a.mu.Lock()
	select {
	case <-moved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Async[C]) look() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// ready reports that the next part should go: nothing else is on its way, or it is worth
// a call of its own.
func (a *Async[C]) ready() bool {
	switch {
	case len(a.waiting) == 0, a.parts >= partsAhead, a.barrier && a.parts > 0:
		return false
	default:
		return a.parts == 0 || a.waiting[0].full()
	}
}

func (p *Part) full() bool {
	return len(p.items) >= partItems || len(p.Args) >= wire.MaxBatchSize/4
}

// send is the goroutine that hands parts to the actor, in order. It ends when nothing is
// pending.
func (a *Async[C]) send() {
	sent := make(chan *Part, partsAhead)
	go a.collect(sent, nil)
	defer close(sent)
	for {
		p := a.next()
		if p == nil {
			return
		}
		box, err := a.cfg.Name.Send(context.Background(), any(p.call).(C))
		if p.err = err; err == nil {
			p.box = box
			if ending(box) { // it may refuse this part, which then has to run before the next one does
				a.mu.Lock()
				a.barrier = true
				a.mu.Unlock()
			}
		}
		sent <- p
	}
}

// next waits until a part should go, and takes it; nil if nothing is pending.
func (a *Async[C]) next() *Part {
	for {
		a.mu.Lock()
		if a.ready() {
			p := a.waiting[0]
			a.waiting = slices.Delete(a.waiting, 0, 1)
			a.parts++
			a.mu.Unlock()
			p.call = a.cfg.Call(p, len(p.items))
			any(p.call).(interface{ Since(time.Time) }).Since(p.since)
			return p
		}
		if len(a.waiting) == 0 && a.parts == 0 {
			a.running = false
			a.release()
			a.mu.Unlock()
			return nil
		}
		a.mu.Unlock()
		<-a.kick
	}
}

// collect waits for the parts that were sent, and tells what became of their items. It
// begins with one that was told in part, if there is one.
func (a *Async[C]) collect(sent <-chan *Part, p *Part) {
	defer func() {
		if p != nil { // a callback ended this goroutine (runtime.Goexit): another one goes on
			go a.collect(sent, p)
		}
	}()
	for {
		if p == nil {
			var more bool
			if p, more = <-sent; !more {
				return
			}
			p.statuses, p.err = a.answer(p)
		}
		a.tell(p)
		if p.err == nil && a.cfg.After != nil {
			a.cfg.After(p.statuses[len(p.statuses)-1])
		}
		a.settle(p)
		p = nil
	}
}

// tell says what became of the items of a part.
func (a *Async[C]) tell(p *Part) {
	for p.told < len(p.items) {
		it, one := p.items[p.told], p.err
		if one == nil {
			one = a.cfg.Outcome(p.statuses[p.told])
		}
		p.told++
		one = a.cfg.Wrap(one)
		if one != nil {
			a.mu.Lock()
			if a.first == nil {
				a.first = one
			}
			a.mu.Unlock()
		}
		if it.done != nil {
			it.done(it.id, one)
		}
	}
}

// settle takes a part off those that are pending.
func (a *Async[C]) settle(p *Part) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts--
	a.barrier = a.barrier && a.parts > 0
	a.answered += uint64(len(p.items))
	a.size -= len(p.Args)
	if a.moved != nil {
		close(a.moved)
		a.moved = nil
	}
	if p.err == nil { // else the call may still be somewhere
		a.reuse(p)
	}
	a.look()
}

func (a *Async[C]) reuse(p *Part) {
	if len(a.spare) < partsAhead && cap(p.Args) <= wire.MaxBatchSize {
		clear(p.items)
		*p = Part{Args: p.Args[:0], items: p.items[:0]}
		a.spare = append(a.spare, p)
	}
}

// release lets go of all spare parts but a small one, for what comes seldom. The caller holds mu.
func (a *Async[C]) release() {
	const small = 4 << 10 // bytes
	i := slices.IndexFunc(a.spare, func(p *Part) bool { return cap(p.Args) <= small })
	if i < 0 {
		a.spare = nil
		return
	}
	a.spare[0] = a.spare[i]
	clear(a.spare[1:])
	a.spare = a.spare[:1]
}

func (a *Async[C]) answer(p *Part) ([]int64, error) {
	if p.err != nil {
		return nil, p.err
	}
	statuses, err := p.call.Wait(context.Background(), p.box.Done())
	if err == actor.ErrStopped {
		p.call.Reset() // the actor was idle and ended: ask the next one
		return actor.Ask[[]int64](context.Background(), a.cfg.Name, p.call)
	}
	return statuses, err
}
