package pool

import (
	"math"
	"slices"
	"time"
)

// How a slot of the pool finds the next group:
//
// A group that came up short stands in line, unless its own slots are all taken;
// then it joins the line when one of them is free. A free slot is reserved for the
// head of the line, which is told. So while somebody stands in line every free slot
// is reserved for somebody, and a busy group that asks again and again gets what
// is its own turn only, and a group in line has a slot of its own left: it can get
// none meanwhile. A group that was told and does not come loses its
// reservation after some patience, but only if another one waits.

// room is how many more slots the group may have by its own limit.
func (g *Group) room() int { return g.opts.Workers - g.unused - g.running }

// room is how many slots are neither taken nor kept for somebody.
func (p *Pool) room() int {
	if p.limit == 0 {
		return math.MaxInt
	}
	return p.limit - p.held - p.reserved
}

// settle ends each operation that changed what is free, or what g wants. It
// unlocks p.mu, and then tells those whose turn it is, after those in told.
func (p *Pool) settle(g *Group, told []*Group) {
	switch {
	case p.closed || !g.wants || g.room() <= 0:
	case p.limit == 0:
		g.wants = false
		told = append(told, g)
	case !g.queued:
		p.line.push(g)
	}
	if p.limit > 0 && p.line.head != nil {
		told = p.grant(told)
	}
	p.mu.Unlock()
	for _, g := range told {
		g.onFree()
	}
}

// grant reserves what is free for those in line and adds them to told.
func (p *Pool) grant(told []*Group) []*Group {
	if p.closed {
		return told
	}
	for p.line.head != nil && p.room() > 0 {
		g := p.line.pop()
		if !g.wants {
			continue // withdrew
		}
		g.wants = false
		g.reserved = true
		g.toldAt = time.Now()
		p.reserved++
		p.told = append(p.told, g)
		told = append(told, g)
	}
	if p.line.head != nil && len(p.told) > 0 && !p.lapse.armed {
		p.lapse.arm(time.Until(p.told[0].toldAt.Add(patience)), p.onLapse)
	}
	return told
}

// unreserve gives up what is kept for g: it has come, or it does not come.
func (p *Pool) unreserve(g *Group) {
	if !g.reserved {
		return
	}
	g.reserved = false
	p.reserved--
	i := slices.Index(p.told, g)
	p.told = slices.Delete(p.told, i, i+1)
}

func (p *Pool) onLapse() {
	p.mu.Lock()
	p.lapse.armed = false
	now := time.Now()
	for p.line.head != nil && len(p.told) > 0 && now.Sub(p.told[0].toldAt) >= patience {
		p.unreserve(p.told[0])
	}
	told := p.grant(nil)
	p.mu.Unlock()
	for _, g := range told {
		g.onFree()
	}
}

// line is the groups that wait for a slot of the pool, first come first served.
type line struct{ head, tail *Group }

func (l *line) push(g *Group) {
	g.queued = true
	if l.head == nil {
		l.head = g
	} else {
		l.tail.next = g
	}
	l.tail = g
}

func (l *line) pop() *Group {
	g := l.head
	l.head = g.next
	if l.head == nil {
		l.tail = nil
	}
	g.next = nil
	g.queued = false
	return g
}
