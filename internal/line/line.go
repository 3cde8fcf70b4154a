// Package line is callers who wait for something to arrive, served in the order in
// which they came. Only the actor that owns a line uses it.
package line

import (
	"sync"

	"github.com/thoonk-go/thoonk/internal/actor"
)

// A Getter is a caller who wants up to Want items, but at least one.
type Getter[T any] struct {
	actor.Reply[[]T]
	Want  int
	Waits bool // until there is an item; else it is told that there is none

	arrival uint64 // its place in line
}

// Getters makes getters, out of those that were answered before. The zero value is ready.
type Getters[T any] struct{ pool sync.Pool }

// New returns a getter.
func (p *Getters[T]) New(want int, waits bool) *Getter[T] {
	g, _ := p.pool.Get().(*Getter[T])
	if g == nil {
		g = new(Getter[T])
		g.Init()
	}
	g.Want, g.Waits = want, waits
	return g
}

// Free takes a getter back that has waited. One that left before its answer came is
// still in line, and stays so.
func (p *Getters[T]) Free(g *Getter[T]) {
	if g.Answered() {
		g.Init() // and hold its items no longer
		p.pool.Put(g)
	}
}

// Settle answers with an error.
func (g *Getter[T]) Settle(err error) { g.Resolve(nil, err) }

// A Line is getters in order of arrival. Those who left are taken out when they
// come to the front, or when they are many. The zero value is empty.
type Line[T any] struct {
	getters  []*Getter[T]
	limit    int    // length at which those who left are looked for
	arrivals uint64 // getters so far
	newest   uint64 // the arrival of the newest getter that does not wait
}

// Empty reports that nobody is in line.
func (l *Line[T]) Empty() bool { return len(l.getters) == 0 }

// Arrivals is how many getters have come so far: the place of the newest.
func (l *Line[T]) Arrivals() uint64 { return l.arrivals }

// NewestImpatient is the place of the newest getter that does not wait.
func (l *Line[T]) NewestImpatient() uint64 { return l.newest }

// Push puts g at the end of the line.
func (l *Line[T]) Push(g *Getter[T]) {
	l.arrivals++
	g.arrival = l.arrivals
	if !g.Waits {
		l.newest = g.arrival
	}
	if len(l.getters) >= l.limit {
		l.filter(func(g *Getter[T]) bool { return !g.Left() })
		l.limit = max(64, 2*len(l.getters))
	}
	l.getters = append(l.getters, g)
}

// Prune takes those who left out of the front.
func (l *Line[T]) Prune() {
	for len(l.getters) > 0 && l.getters[0].Left() {
		l.pop()
	}
}

func (l *Line[T]) pop() {
	l.getters[0] = nil
	l.getters = l.getters[1:]
}

// Wants is how many items those in line want, counted up to most.
func (l *Line[T]) Wants(most int) (n int) {
	for _, g := range l.getters {
		if n >= most {
			return most
		}
		if !g.Left() {
			n += min(g.Want, most) // somebody may want all there is
		}
	}
	return min(n, most)
}

// Serve hands items to those in front and returns what is left.
func (l *Line[T]) Serve(items []T) []T {
	for len(items) > 0 && len(l.getters) > 0 {
		g := l.getters[0]
		n := min(g.Want, len(items))
		if g.Resolve(items[:n:n], nil) {
			items = items[n:]
		}
		l.pop()
	}
	if len(items) == 0 {
		return nil
	}
	return items
}

// Answer settles those who arrived up to then with an error: all of them, or only
// those who do not wait.
func (l *Line[T]) Answer(upTo uint64, all bool, err error) {
	l.filter(func(g *Getter[T]) bool {
		if g.arrival > upTo || g.Waits && !all {
			return true
		}
		g.Settle(err)
		return false
	})
}

func (l *Line[T]) filter(keep func(*Getter[T]) bool) {
	kept := l.getters[:0]
	for _, g := range l.getters {
		if keep(g) {
			kept = append(kept, g)
		}
	}
	clear(l.getters[len(kept):])
	l.getters = kept
}
