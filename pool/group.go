package pool

import (
	"fmt"
	"slices"
	"time"
)

// Options are the settings of a group.
type Options struct {
	// Workers is the number of slots of the group: its tasks at once. Defaults to 16.
	Workers int
	// StuckAfter is how long a task may run on after its context ended, before it
	// is reported as stuck. Defaults to 10s.
	StuckAfter time.Duration
	// OnStuck is told, once for each task, that the task is stuck. It is called on
	// a goroutine of its own, one call at a time for the whole pool. A nil OnStuck
	// tells nobody; Stats counts all the same.
	OnStuck func(Stuck)
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = 16
	}
	if o.StuckAfter <= 0 {
		o.StuckAfter = 10 * time.Second
	}
	return o
}

// A Group is tasks with a limit of their own inside the limit of the pool. All
// methods can be called from any goroutine. A group that nobody uses costs nothing.
type Group struct {
	pool *Pool
	opts Options

	// The pool's mutex guards what follows.
	counters
	unused   int // slots taken for which there is no task yet
	onFree   func()
	wants    bool      // got less than it asked for, and was not told since
	reserved bool      // was told: a slot of the pool is kept for it
	toldAt   time.Time // when that was
	queued   bool      // stands in the pool's line
	next     *Group    // in the line
}

// Group returns a new group of the pool.
func (p *Pool) Group(o Options) *Group { return &Group{pool: p, opts: o.withDefaults()} }

// OnFree sets the function that is called when a slot may be free again, once
// after each TryAcquire that got fewer slots than it asked for. It may be called on
// any goroutine, also inside TryAcquire and Release of this group or of another
// one, and must not block; it may call all methods. Set it once, before the first
// TryAcquire. Without it nobody is told.
//
// Being told is not yet having: ask again with TryAcquire, also when there is no
// more work, with 0 then. The slot that was the reason is kept for the group
// meanwhile, if the pool has a limit. If others wait for it, it is kept for 100 ms.
//
// Calls that come up short while one is already waiting share one call of f.
func (g *Group) OnFree(f func()) {
	g.pool.mu.Lock()
	g.onFree = f
	g.pool.mu.Unlock()
}

// Stats returns the counters of the group. It does not block.
func (g *Group) Stats() Stats {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	return g.stats(g.opts.Workers)
}

// TryAcquire takes up to n slots and returns how many it took. Each of them must
// be used by one Go, or given back by Release. It never blocks. If it takes less
// than n, the function given to OnFree is called when there may be more. With 0 it
// takes nothing, and withdraws: the group does not wait for a slot any more.
func (g *Group) TryAcquire(n int) int { return g.Exchange(0, n) }

// Exchange gives back unused slots, as Release does, and takes up to n, as TryAcquire
// does, in one step. If other groups wait for slots of the pool, they are served in
// between: so who always has work for its slots has to exchange them before it uses
// them again.
func (g *Group) Exchange(unused, n int) int {
	p := g.pool
	p.mu.Lock()
	g.giveUp(unused)
	if p.closed {
		p.mu.Unlock()
		return 0
	}
	var array [4]*Group // spares an allocation
	told := array[:0]
	if unused > 0 && p.line.head != nil {
		told = p.grant(told)
		told = slices.DeleteFunc(told, func(t *Group) bool { return t == g }) // it is here
	}
	p.unreserve(g)
	got := max(0, min(n, g.room(), p.room()))
	g.unused += got
	p.held += got
	if n <= 0 {
		g.wants = false
	} else if got < n && g.onFree != nil {
		g.wants = true
	}
	p.settle(g, told)
	return got
}

// Release gives n slots back that TryAcquire gave and Go did not use. It panics
// if the group has not so many of them. It never blocks.
func (g *Group) Release(n int) {
	p := g.pool
	p.mu.Lock()
	g.giveUp(n)
	p.settle(g, nil)
}

// giveUp takes n slots from the group. It unlocks the pool if it panics.
func (g *Group) giveUp(n int) {
	if n < 0 || n > g.unused {
		unused := g.unused
		g.pool.mu.Unlock()
		panic(fmt.Sprintf("pool: %d slots to release, but the group has %d unused slots", n, unused))
	}
	g.unused -= n
	g.pool.held -= n
}

// Go runs a task on another goroutine, in a slot that TryAcquire gave. The slot is
// free again when Do and Done have returned. Go panics if the group has no unused
// slot, or the task no Do. It never blocks.
func (g *Group) Go(t Task) *Running {
	if t.Do == nil {
		panic("pool: Go with a task that has no Do")
	}
	p := g.pool
	r := newRunning(g, t)
	p.mu.Lock()
	if g.unused == 0 {
		p.mu.Unlock()
		panic("pool: Go without a slot: TryAcquire first")
	}
	g.unused--
	g.running++
	g.started++
	p.running++
	p.started++
	w, fresh := p.hire()
	p.mu.Unlock()
	w.give(r)
	if fresh {
		go w.run()
	}
	return r
}
