package queue

import "github.com/thoonk-go/thoonk/internal/actor"

// A getter is a caller who wants up to want items, but at least one.
type getter struct {
	actor.Reply[[]Item]
	want    int
	waits   bool   // until there is an item; else it is told that there is none
	arrival uint64 // its place in line
}

// Settle answers with an error.
func (g *getter) Settle(err error) { g.Resolve(nil, err) }

// A line is getters in order of arrival. Those who left are taken out when they
// come to the front, or when they are many.
type line struct {
	getters []*getter
	limit   int // length at which those who left are looked for
}

func (l *line) empty() bool { return len(l.getters) == 0 }

func (l *line) push(g *getter) {
	if len(l.getters) >= l.limit {
		l.filter(func(g *getter) bool { return !g.Left() })
		l.limit = max(64, 2*len(l.getters))
	}
	l.getters = append(l.getters, g)
}

// prune takes those who left out of the front.
func (l *line) prune() {
	for len(l.getters) > 0 && l.getters[0].Left() {
		l.pop()
	}
}

func (l *line) pop() {
	l.getters[0] = nil
	l.getters = l.getters[1:]
}

// wants is how many items those in line want, counted up to most.
func (l *line) wants(most int) (n int) {
	for _, g := range l.getters {
		if n >= most {
			return most
		}
		if !g.Left() {
			n += g.want
		}
	}
	return min(n, most)
}

// serve hands items to those in front and returns what is left.
func (l *line) serve(items []Item) []Item {
	for len(items) > 0 && len(l.getters) > 0 {
		g := l.getters[0]
		n := min(g.want, len(items))
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

// answer settles those who arrived up to then with an error: all of them, or only
// those who do not wait.
func (l *line) answer(upTo uint64, all bool, err error) {
	l.filter(func(g *getter) bool {
		if g.arrival > upTo || g.waits && !all {
			return true
		}
		g.Settle(err)
		return false
	})
}

func (l *line) filter(keep func(*getter) bool) {
	kept := l.getters[:0]
	for _, g := range l.getters {
		if keep(g) {
			kept = append(kept, g)
		}
	}
	clear(l.getters[len(kept):])
	l.getters = kept
}
