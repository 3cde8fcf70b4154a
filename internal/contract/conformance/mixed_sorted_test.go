package conformance

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestMixedSorted: peers keep the list together, so whoever follows has it.
func TestMixedSorted(t *testing.T) {
	t.Parallel()
	m := newMix(t, redistest.Shared(t).URL(), operations(2500))
	mixedSorted(m, false)
	m.done()
}

// TestMixedSortedLosses: thoonk.py moves items beside themselves, and so loses ids.
func TestMixedSortedLosses(t *testing.T) {
	t.Parallel()
	m := newMix(t, redistest.Shared(t).URL(), operations(1500))
	mixedSorted(m, true)
	m.done()
}

// A pool is ids that were given out.
type pool struct {
	mu   sync.Mutex
	list []string
	seen map[string]bool
}

// add reports whether the id is new.
func (p *pool) add(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	again := p.seen[id]
	p.seen[id] = true
	p.list = append(p.list, id)
	return !again
}

// some is one of the last few, or none of all.
func (p *pool) some(a *agent) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.list); n > 0 && !a.chance(20) {
		return p.list[max(0, n-1-a.rnd.IntN(60))]
	}
	return "1000000"
}

// place is a position, as peers spell it.
func (p *pool) place(a *agent) string {
	switch a.rnd.IntN(4) {
	case 0:
		return peer.First
	case 1:
		return peer.Last
	case 2:
		return ":" + p.some(a)
	}
	return p.some(a) + ":"
}

func mixedSorted(m *mix, losses bool) {
	t, ctx := m.t, m.t.Context()
	s, err := m.engines[0].Sorted(ctx, m.name, sorted.Config{})
	require.NoError(t, err)
	sub, err := s.Follow(ctx, sorted.FollowOptions{Snapshot: true, Mailbox: 100 + 4*m.n})
	require.NoError(t, err)
	defer sub.Close()
	ids := &pool{}
	given := func(a *agent, id string, err error) {
		if a.answered("insert", err, sorted.ErrNotFound, peer.ErrNotFound) {
			m.check(ids.add(id), "an id is given once", "%s", id)
			m.did("insert")
		}
	}
	byEngine := func(i int) func(a *agent) {
		return func(a *agent) {
			s, err := m.engines[i].Sorted(a.ctx, m.name, sorted.Config{})
			if !a.answered("open", err) {
				return
			}
			switch id := ids.some(a); a.rnd.IntN(5) {
			case 0, 1:
				id, err := s.Insert(a.ctx, []byte(a.body()), position(ids.place(a)))
				given(a, id, err)
			case 2:
				if a.answered("edit", s.Edit(a.ctx, id, []byte(a.body())), sorted.ErrNotFound) {
					m.did("edit")
				}
			case 3:
				if a.answered("move", s.Move(a.ctx, id, position(ids.place(a))), sorted.ErrNotFound) {
					m.did("move")
				}
			default:
				if a.answered("retract", s.Retract(a.ctx, id), sorted.ErrNotFound) {
					m.did("retract")
				}
			}
		}
	}
	byPeer := func(d peer.Dialect) func(a *agent) {
		var p *peer.Peer
		return func(a *agent) {
			if p == nil {
				p = a.peer(d)
			}
			a.misbehave(p, "retract of unknown ids", "publish for edit")
			switch id := ids.some(a); a.rnd.IntN(5) {
			case 0, 1:
				if p.Faults.SwapPublishEdit {
					p.Faults = peer.Faults{} // only edits are told so
				}
				id, err := p.Insert(m.name, a.body(), ids.place(a))
				given(a, id, err)
			case 2:
				if a.answered("a peer's edit", p.EditSorted(m.name, id, a.body()), peer.ErrNotFound) {
					m.did("edit")
					if p.Faults.SwapPublishEdit {
						m.fault("publish for edit")
					}
				}
			case 3:
				pos := ids.place(a)
				if losses && a.chance(5) {
					pos = ":" + id
				}
				beside := d == peer.ThoonkPy && (pos == ":"+id || pos == id+":")
				if beside && !losses {
					return
				}
				if a.answered("a peer's move", p.Move(m.name, id, pos), peer.ErrNotFound) {
					m.did("move")
					if beside {
						m.fault("ids lost")
					}
				}
			default:
				if p.Faults.RetractUnknown {
					m.fault("retract of unknown ids")
				}
				if a.answered("a peer's retract", p.RetractSorted(m.name, id), peer.ErrNotFound) {
					m.did("retract")
				}
			}
		}
	}
	m.work(byEngine(0), byEngine(1), byEngine(0), byPeer(peer.Contract), byPeer(peer.ThoonkPy))
	m.checkSorted(ctx, sub, losses)
}

func (m *mix) checkSorted(ctx context.Context, sub *sorted.Subscription, losses bool) {
	t := m.t
	s, err := m.engines[1].Sorted(ctx, m.name, sorted.Config{})
	require.NoError(t, err)
	end, err := s.Append(ctx, []byte("the end"))
	require.NoError(t, err)
	p := peer.New(m.raw.DoErr, peer.Config{})
	theirs, err := p.ListIDs(m.name)
	require.NoError(t, err)
	ids, err := s.IDs(ctx)
	require.NoError(t, err)
	m.equal("peers and engines see the same ids", theirs, ids)
	once := slices.Compact(slices.Sorted(slices.Values(theirs)))
	m.check(len(once) == len(theirs), "an id is in the list once", "%d of %d", len(once), len(theirs))
	items, _ := m.raw.Value(contract.Items.Of(m.name)).(map[string]string)
	for _, id := range ids {
		_, there := items[id]
		m.check(there, "what is in the list has an item", "%s", id)
	}
	if !losses {
		m.check(len(items) == len(ids), "each item has a place", "%d items, %d places", len(items), len(ids))
	}
	var ours, bodies []string
	for it, err := range s.All(ctx) {
		require.NoError(t, err)
		ours = append(ours, it.ID+"="+string(it.Body))
	}
	all, err := p.AllSorted(m.name)
	require.NoError(t, err)
	for _, it := range all {
		bodies = append(bodies, it.ID+"="+it.Body)
	}
	m.equal("peers and engines see the same items", bodies, ours)
	if losses {
		return
	}
	var mirror []string
	wait, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	copied := map[string]string{}
	for {
		ev, err := sub.Next(wait)
		m.check(err == nil && ev.Kind != sorted.Lagged, "a subscriber misses nothing", "%v %v", ev.Kind, err)
		if err != nil {
			break
		}
		switch ev.Kind {
		case sorted.Retracted:
			mirror = slices.DeleteFunc(mirror, func(id string) bool { return id == ev.ID })
			delete(copied, ev.ID)
		case sorted.Edited:
			copied[ev.ID] = string(ev.Body)
		case sorted.Snapshot, sorted.Published:
			copied[ev.ID] = string(ev.Body)
			mirror = put(mirror, ev)
		case sorted.Moved:
			mirror = put(mirror, ev)
		}
		if ev.ID == end {
			break
		}
	}
	for i, id := range mirror {
		mirror[i] = id + "=" + copied[id]
	}
	m.equal("a subscriber's copy is what is there", ours, mirror)
}

// put puts the event's item where the event says.
func put(list []string, ev sorted.Event) []string {
	list = slices.DeleteFunc(list, func(id string) bool { return id == ev.ID })
	at := len(list)
	if id, ok := ev.Position.Before(); ok {
		at = slices.Index(list, id)
	} else if id, ok := ev.Position.After(); ok {
		at = slices.Index(list, id) + 1
	} else if ev.Position == sorted.First {
		at = 0
	}
	return slices.Insert(list, max(at, 0), ev.ID)
}
