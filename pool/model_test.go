package pool

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// checkInvariants checks the books, and that no slot lies idle while a group waits for it.
func checkInvariants(t *testing.T, p *Pool, groups ...*Group) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	held, running, reserved := 0, 0, 0
	for i, g := range groups {
		held += g.unused + g.running
		running += g.running
		if g.reserved {
			reserved++
		}
		if g.unused < 0 || g.room() < 0 {
			t.Fatalf("group %d: %d unused, %d running, %d workers", i, g.unused, g.running, g.opts.Workers)
		}
		if g.wants && g.room() > 0 && p.room() > 0 {
			t.Fatalf("group %d waits, and a slot is free", i)
		}
		if g.wants && g.room() > 0 && !g.queued {
			t.Fatalf("group %d waits, and does not stand in line", i)
		}
	}
	if held != p.held || running != p.running || reserved != p.reserved || reserved != len(p.told) {
		t.Fatalf("held %d/%d, running %d/%d, reserved %d/%d/%d", held, p.held, running, p.running, reserved, p.reserved, len(p.told))
	}
	if p.limit > 0 && held+reserved > p.limit {
		t.Fatalf("%d held and %d reserved of %d", held, reserved, p.limit)
	}
}

// Random operations, one after the other, on a few groups. After each of them the
// books are right and no slot lies idle that somebody waits for; no group is told
// more often than it came up short; in the end, when all slots are free, nobody waits.
func FuzzSlots(f *testing.F) {
	for seed := range 20 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 2))
		ops := make([]byte, 400)
		for i := range ops {
			ops[i] = byte(rnd.Uint32())
		}
		f.Add(uint8(seed), ops)
	}
	f.Fuzz(func(t *testing.T, limit uint8, ops []byte) {
		synctest.Test(t, func(t *testing.T) { playSlots(t, int(limit%8), ops) })
	})
}

func playSlots(t *testing.T, limit int, ops []byte) {
	type end struct {
		ch   chan error
		keep bool
	}
	type model struct {
		g      *Group
		unused int
		short  atomic.Int64
		told   atomic.Int64
		ends   []end // of the tasks that run
	}
	p := New(limit)
	defer p.Close()
	groups := make([]*Group, 4)
	models := make([]*model, len(groups))
	for i := range groups {
		m := &model{g: p.Group(Options{Workers: 1 + i})}
		m.g.OnFree(func() {
			if m.told.Add(1) > m.short.Load() {
				t.Errorf("group %d was told more often than it came up short", i)
			}
		})
		groups[i], models[i] = m.g, m
	}
	for _, op := range ops {
		m, n := models[op%4], int(op>>5)
		switch op >> 2 % 8 {
		case 0, 1, 2:
			back := 0
			if op>>2%8 == 2 {
				back = min(n/2, m.unused)
			}
			m.short.Add(1) // before: it may be told before Exchange returns
			got := m.g.Exchange(back, n)
			m.unused += got - back
			if got == n {
				m.short.Add(-1)
			}
		case 3:
			n = min(n, m.unused)
			m.unused -= n
			m.g.Release(n)
		case 4, 5:
			if m.unused > 0 {
				m.unused--
				e := end{make(chan error), n%2 == 1}
				m.ends = append(m.ends, e)
				m.g.Go(Task{Do: waitFor(e.ch), Keep: e.keep})
			}
		case 6:
			if len(m.ends) > 0 {
				close(m.ends[0].ch)
				if m.ends[0].keep {
					m.unused++
				}
				m.ends = m.ends[1:]
			}
		case 7:
			time.Sleep(time.Duration(n) * patience / 4)
		}
		synctest.Wait()
		checkInvariants(t, p, groups...)
	}
	for _, m := range models {
		for _, e := range m.ends {
			close(e.ch)
			if e.keep {
				synctest.Wait()
				m.unused++
			}
		}
		m.g.Release(m.unused)
	}
	// Those that were told do not come: all others must get their turn nevertheless.
	time.Sleep(patience * time.Duration(len(groups)+1))
	synctest.Wait()
	checkInvariants(t, p, groups...)
	for i, m := range models {
		if m.g.wants {
			t.Fatalf("group %d was not told", i)
		}
	}
}
