package conformance

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestMixedQueue: whatever was put is taken once, also what peers have left without an id.
func TestMixedQueue(t *testing.T) {
	t.Parallel()
	m := newMix(t, redistest.Shared(t).URL(), operations(4000))
	mixedQueue(m)
	m.done()
}

// A ledger is what was put and what was taken.
type ledger struct {
	mu    sync.Mutex
	put   map[string]string // id → item
	taken map[string]int
}

func newLedger() *ledger { return &ledger{put: map[string]string{}, taken: map[string]int{}} }

func (l *ledger) in(id, body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put[id] = body
}

func (l *ledger) out(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken[id]++
}

func (l *ledger) both() (put, taken int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.put), len(l.taken)
}

func mixedQueue(m *mix) {
	t, ctx := m.t, m.t.Context()
	_, err := m.engines[0].Queue(ctx, m.name, queue.Config{})
	require.NoError(t, err)
	l := newLedger()
	byEngine := func(i int) func(a *agent) {
		return func(a *agent) {
			q, err := m.engines[i].Queue(a.ctx, m.name, queue.Config{})
			if !a.answered("open", err) {
				return
			}
			switch a.rnd.IntN(4) {
			case 0, 1:
				body, opts := a.body(), queue.PutOptions{}
				if a.chance(10) {
					opts.Priority = queue.High
				}
				id, err := q.Put(a.ctx, []byte(body), opts)
				if a.answered("put", err) {
					l.in(id, body)
					m.did("put")
				}
			case 2:
				it, err := q.TryGet(a.ctx)
				if a.answered("try to get", err, queue.ErrEmpty) {
					l.out(it.ID)
					m.did("get")
				}
			default:
				wait, cancel := context.WithTimeout(a.ctx, time.Duration(a.rnd.IntN(3))*time.Millisecond)
				defer cancel()
				it, err := q.Get(wait)
				if a.answered("get", err, context.DeadlineExceeded) {
					l.out(it.ID)
					m.did("get")
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
			a.misbehave(p, "items without ids")
			switch a.rnd.IntN(8) {
			case 0, 1, 2, 3:
				body := a.body()
				id, err := p.Put(m.name, body, d == peer.Contract && a.chance(10))
				if a.answered("a peer's put", err) {
					l.in(id, body)
					m.did("put")
					if p.Faults.ItemsWithoutIDs {
						m.fault("items without ids")
					}
				}
			case 4:
				if _, err := p.Die(m.name); a.answered("a peer's death", err, peer.ErrEmpty) {
					m.fault("died between two steps")
				}
			case 5:
				a.raw.Do("LPUSH", contract.IDs.Of(m.name), "ghost")
				m.fault("ids without items")
			default:
				it, err := p.Get(m.name, 0)
				if a.answered("a peer's get", err, peer.ErrEmpty, peer.ErrNotFound) {
					l.out(it.ID)
					m.did("get")
				}
			}
		}
	}
	m.work(byEngine(0), byEngine(1), byEngine(0), byPeer(peer.Contract), byPeer(peer.ThoonkPy))

	// Getters take what is left; while they wait, the engine looks for what has no id.
	ctx, stop := context.WithCancel(ctx)
	var getters sync.WaitGroup
	for i := range 4 {
		getters.Go(func() {
			q, err := m.engines[i%2].Queue(ctx, m.name, queue.Config{})
			for err == nil {
				var it queue.Item
				if it, err = q.Get(ctx); err == nil {
					l.out(it.ID)
					m.did("get")
				}
			}
		})
	}
	m.eventually("all that was put is taken", func() bool {
		put, taken := l.both()
		return taken >= put
	}, func() string { return "some is left" })
	m.eventually("nothing is left", func() bool {
		return m.raw.Int("EXISTS", contract.IDs.Of(m.name), contract.Items.Of(m.name)) == 0
	}, func() string { return "ids or items are" })
	stop()
	getters.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, times := range l.taken {
		m.check(times == 1, "an item is taken once", "%s %d times", id, times)
		_, was := l.put[id]
		m.check(was, "only what was put is taken", "%s", id)
	}
}
