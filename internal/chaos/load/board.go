package load

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// A board is a sorted feed with several writers, each of which moves and retracts its own items, and with followers who keep
// a copy.
func (c *caller) board() (*sorted.Sorted, bool) {
	return opening(c, Board, func(ctx context.Context) (*sorted.Sorted, error) { return c.eng.Sorted(ctx, Board, sorted.Config{}) })
}

func (p *process) boardWriters() {
	p.callers(1, func(c *caller) func() {
		b, ok := c.board()
		if !ok {
			return nil
		}
		return (&listWriter{caller: c, list: b, shared: true}).write
	})
}

func (p *process) boardFollowers() {
	c := p.caller()
	p.fences.settled.Add(1)
	p.waiters.Go(func() {
		var sub *sorted.Subscription
		b, ok := c.board()
		if ok {
			sub, ok = opening(c, Board, func(ctx context.Context) (*sorted.Subscription, error) {
				return b.Follow(ctx, sorted.FollowOptions{Snapshot: true, Mailbox: 64})
			})
		}
		if ok {
			p.fences.join()
			c.note(ledger.Record{Do: "follows", Name: Board})
		}
		p.fences.settled.Done()
		if !ok {
			return
		}
		m := &boardMirror{caller: c, bodies: map[string]string{}}
		for {
			e, err := sub.Next(context.Background())
			if errors.Is(err, sorted.ErrClosed) {
				break
			}
			if err == nil {
				m.apply(e)
			}
		}
		_ = sub.Close()
	})
}

// A boardMirror is a copy of a sorted feed, kept up to date by what a follower is told.
type boardMirror struct {
	*caller
	order   []string
	bodies  map[string]string
	syncing bool
	fence   string // seen, and not told yet
}

func (m *boardMirror) apply(e sorted.Event) {
	switch e.Kind {
	case sorted.Lagged:
		m.order, m.bodies, m.syncing = nil, map[string]string{}, true
		m.note(ledger.Record{Do: "lagged", Name: Board, Number: int64(e.Missed)})
	case sorted.Snapshot:
		m.syncing = true
		m.place(e.ID, sorted.Last)
		m.bodies[e.ID] = string(e.Body)
	case sorted.Synced:
		m.syncing = false
	case sorted.Published:
		m.place(e.ID, e.Position)
		m.bodies[e.ID] = string(e.Body)
	case sorted.Edited:
		m.bodies[e.ID] = string(e.Body)
	case sorted.Moved:
		m.place(e.ID, e.Position)
	case sorted.Retracted:
		m.remove(e.ID)
		delete(m.bodies, e.ID)
	}
	if strings.HasPrefix(string(e.Body), Fence) {
		m.fence = string(e.Body)
	}
	if m.syncing || m.fence == "" {
		return
	}
	r := ledger.Record{Do: "copy", Name: Board, Tokens: []string{m.fence}, IDs: slices.Clone(m.order)}
	for _, id := range m.order {
		r.Bodies = append(r.Bodies, m.bodies[id])
	}
	m.note(r)
	m.process.fences.see(m.fence)
	m.fence = ""
}

func (m *boardMirror) remove(id string) {
	m.order = slices.DeleteFunc(m.order, func(x string) bool { return x == id })
}

func (m *boardMirror) place(id string, at sorted.Position) {
	m.remove(id)
	i := len(m.order)
	if rel, ok := at.Before(); ok {
		i = slices.Index(m.order, rel)
	} else if rel, ok := at.After(); ok {
		i = slices.Index(m.order, rel) + 1
	} else if at == sorted.First {
		i = 0
	}
	if i < 0 { // what it is placed beside is not there: the copy is wrong, which the audit sees
		i = 0
	}
	m.order = slices.Insert(m.order, i, id)
}
