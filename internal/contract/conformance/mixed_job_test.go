package conformance

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestMixedJobs: each job is in one state and ends once, whatever peers do with it.
func TestMixedJobs(t *testing.T) {
	t.Parallel()
	m := newMix(t, redistest.Shared(t).URL(), operations(3000))
	mixedJobs(m)
	m.done()
}

func mixedJobs(m *mix) {
	t, ctx := m.t, m.t.Context()
	// On the embedded server a peer can end what has just ended: its WATCH does not notice a ZREM.
	redistest.Shared(t).NeedReal(t)
	cfg := job.Config{Timeout: time.Second, MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond}
	_, err := m.engines[0].Jobs(ctx, m.name, cfg)
	require.NoError(t, err)
	l, ids := newLedger(), &pool{}
	in := func(id, body string) {
		l.in(id, body)
		ids.add(id)
		m.did("put")
	}
	ended := func(what, id string) {
		l.out(id)
		m.did(what)
	}
	byEngine := func(i int) func(a *agent) {
		return func(a *agent) {
			j, err := m.engines[i].Jobs(a.ctx, m.name, cfg)
			if !a.answered("open", err) {
				return
			}
			switch n := a.rnd.IntN(20); {
			case n < 8:
				body, opts := a.body(), job.PutOptions{}
				if a.chance(10) {
					opts.Priority = job.High
				} else if a.chance(10) {
					opts.Delay = time.Duration(a.rnd.IntN(20)) * time.Millisecond
				}
				id, err := j.Put(a.ctx, []byte(body), opts)
				if a.answered("put", err) {
					in(id, body)
				}
			case n < 16:
				c, err := j.TryGet(a.ctx)
				if !a.answered("claim", err, job.ErrEmpty) {
					return
				}
				m.did("claim")
				switch a.rnd.IntN(8) {
				case 0:
					if a.answered("cancel", c.Cancel(a.ctx, "why not"), job.ErrNotOwner) {
						m.did("cancel")
					}
				case 1:
					if a.answered("stall", c.Stall(a.ctx, "why not"), job.ErrNotOwner) {
						m.did("stall")
					}
				case 2:
					if a.answered("return", c.Return(a.ctx), job.ErrNotOwner) {
						m.did("return")
					}
				case 3:
					if a.answered("snooze", c.Snooze(a.ctx, time.Millisecond), job.ErrNotOwner) {
						m.did("snooze")
					}
				case 4: // the lease ends the claim
					m.did("abandon")
				default:
					if a.answered("finish", c.Finish(a.ctx, []byte("r")), job.ErrNotOwner) {
						ended("finish", c.ID)
						// A claim ends once.
						err := c.Finish(a.ctx, nil)
						m.check(err != nil, "only the claimant ends a job", "%s finished twice", c.ID)
					}
				}
			case n < 18:
				if a.answered("retry", j.Retry(a.ctx, ids.some(a)), job.ErrNotStalled) {
					m.did("retry")
				}
			default:
				id := ids.some(a)
				if a.answered("retract", j.Retract(a.ctx, id), job.ErrNotFound) {
					ended("retract", id)
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
			a.misbehave(p, "items without ids", "retry of anything")
			switch n := a.rnd.IntN(20); {
			case n < 8:
				body := a.body()
				id, err := p.PutJob(m.name, "", body, a.chance(10))
				if a.answered("a peer's put", err) {
					in(id, body)
					if p.Faults.ItemsWithoutIDs {
						m.fault("items without ids")
					}
				}
			case n < 15:
				c, err := p.Claim(m.name, 0)
				if !a.answered("a peer's claim", err, peer.ErrEmpty) {
					return
				}
				m.did("claim")
				if c.NoItem {
					m.fault("ids without items claimed") // nobody ends that claim
					return
				}
				switch a.rnd.IntN(6) {
				case 0:
					if a.answered("a peer's cancel", p.Cancel(m.name, c.ID), peer.ErrNotClaimed) {
						m.did("cancel")
					}
				case 1:
					if a.answered("a peer's stall", p.Stall(m.name, c.ID), peer.ErrNotClaimed) {
						m.did("stall")
					}
				case 2:
					m.fault("died with a claim")
				default:
					result := "r"
					if a.answered("a peer's finish", p.Finish(m.name, c.ID, &result), peer.ErrNotClaimed) {
						ended("finish", c.ID)
					}
				}
			case n < 16:
				if _, err := p.Die(m.name); a.answered("a peer's death", err, peer.ErrEmpty) {
					m.fault("died between two steps")
				}
			case n < 18:
				id := ids.some(a)
				if d == peer.ThoonkPy {
					m.fault("retry of anything")
				}
				if a.answered("a peer's retry", p.Retry(m.name, id), peer.ErrNotStalled) {
					m.did("retry")
					if p.Faults.RetryAnything && d != peer.ThoonkPy {
						m.fault("retry of anything")
					}
				}
			case n < 19 && d == peer.ThoonkPy: // by id alone, whoever has claimed it
				claimed, err := a.list("ZRANGE", contract.Claimed.Of(m.name), 0, -1)
				if err != nil || len(claimed) == 0 {
					return
				}
				id := claimed[a.rnd.IntN(len(claimed))]
				if a.raw.Int("HEXISTS", contract.Items.Of(m.name), id) == 0 {
					return
				}
				if a.answered("a peer's finish of what others claimed", p.Finish(m.name, id, nil), peer.ErrNotClaimed) {
					m.fault("finished by id alone")
					ended("finish", id)
				}
			default:
				id := ids.some(a)
				if a.answered("a peer's retract", p.RetractJob(m.name, id), peer.ErrNotFound) {
					ended("retract", id)
				}
			}
		}
	}
	m.work(byEngine(0), byEngine(1), byEngine(0), byPeer(peer.Contract), byPeer(peer.ThoonkPy))
	m.endJobs(ctx, l, cfg)
}

func (a *agent) list(args ...any) ([]string, error) {
	reply, err := a.raw.DoErr(args...)
	elements, _ := reply.([]any)
	var list []string
	for _, e := range elements {
		list = append(list, fmt.Sprint(e))
	}
	return list, err
}

// endJobs has workers do what is left, and checks what is there then.
func (m *mix) endJobs(ctx context.Context, l *ledger, cfg job.Config) {
	ctx, stop := context.WithCancel(ctx)
	var workers sync.WaitGroup
	for i := range 4 {
		workers.Go(func() {
			j, err := m.engines[i%2].Jobs(ctx, m.name, cfg)
			for err == nil {
				var c *job.Claim
				if c, err = j.Get(ctx); err == nil && c.Finish(ctx, nil) == nil {
					l.out(c.ID)
					m.did("finish")
				}
			}
		})
	}
	j, err := m.engines[0].Jobs(ctx, m.name, cfg)
	require.NoError(m.t, err)
	items := contract.Items.Of(m.name)
	retryAll := func() bool {
		n, err := j.RetryAll(ctx)
		for range n {
			m.did("retry")
		}
		return err == nil
	}
	m.eventually("every job ends", func() bool {
		return retryAll() && m.raw.Int("HLEN", items) == 0
	}, func() string { return fmt.Sprintf("%v of %.2000v", m.raw.Int("HLEN", items), m.raw.Dump(m.name)) })
	left := func() []string {
		var keys []string
		for _, k := range []contract.Key{
			contract.IDs, contract.Claimed, contract.Stalled, contract.Delayed, contract.Cancelled, contract.Claimants, contract.Errors, contract.Progress,
		} {
			if m.raw.Int("EXISTS", k.Of(m.name)) == 1 {
				keys = append(keys, string(k))
			}
		}
		return keys
	}
	m.eventually("nothing is left of jobs that ended", func() bool {
		// thoonk.py finishes stalled jobs and leaves their ids: retried, they are dropped.
		return retryAll() && left() == nil
	}, func() string {
		return fmt.Sprintf("%v: %.2000v", left(), m.raw.Dump(m.name))
	})
	stop()
	workers.Wait()

	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.put {
		m.check(l.taken[id] == 1, "each job ends once", "%s %d times", id, l.taken[id])
	}
	for id := range l.taken {
		_, was := l.put[id]
		m.check(was, "only what was put ends", "%s", id)
	}
	finishes := fmt.Sprint(m.raw.Do("GET", contract.Finishes.Of(m.name)))
	m.check(finishes == fmt.Sprint(m.total("finish")), "each finish is counted", "%s, there were %d", finishes, m.total("finish"))
	publishes := fmt.Sprint(m.raw.Do("GET", contract.Publishes.Of(m.name)))
	m.check(publishes == fmt.Sprint(m.total("put")), "each put is counted", "%s, there were %d", publishes, m.total("put"))
	// A retry dates a job without asking whether it is there: of one that a peer has finished while it was stalled, the date
	// stays.
	dates, _ := m.raw.Value(contract.Published.Of(m.name)).([]redistest.Scored)
	m.mu.Lock()
	retried := m.ops["retry"] + m.faults["retry of anything"]
	m.mu.Unlock()
	m.check(len(dates) <= retried, "only retries leave the date of a job that ended", "%d dates, %d retries: %.300v", len(dates), retried, dates)
}
