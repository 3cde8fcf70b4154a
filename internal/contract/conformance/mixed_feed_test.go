package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

const bound = 20 // items of the mixed feeds

// TestMixedFeed: peers keep the contract but for their messages, so these tell all that happens.
func TestMixedFeed(t *testing.T) {
	t.Parallel()
	m := newMix(t, redistest.Shared(t).URL(), operations(3000))
	mixedFeed(m)
	m.done()
}

// TestMixedFeedUnits: peers write seconds, and tell late. The feed begins in one unit or the other.
func TestMixedFeedUnits(t *testing.T) {
	t.Parallel()
	for _, first := range []peer.Dialect{peer.Contract, peer.ThoonkPy} {
		t.Run(map[peer.Dialect]string{peer.Contract: "begun in ms", peer.ThoonkPy: "begun in seconds"}[first], func(t *testing.T) {
			t.Parallel()
			m := newMix(t, redistest.Shared(t).URL(), operations(2000))
			mixedUnits(m, first)
			m.done()
		})
	}
}

// feedAgent publishes, edits and retracts through the engine.
func feedAgent(m *mix, i int) func(a *agent) {
	return func(a *agent) {
		f, err := m.engines[i].Feed(a.ctx, m.name, feed.Config{MaxLength: bound})
		if !a.answered("open", err) {
			return
		}
		body := a.body()
		shared := fmt.Sprint("s", a.rnd.IntN(16))
		switch n := a.rnd.IntN(20); {
		case n < 4:
			if a.answered("publish", f.PublishAs(a.ctx, fmt.Sprintf("%d-%06d", a.number, a.seq), []byte(body))) {
				m.did("publish")
			}
		case n < 14:
			if a.answered("publish an id", f.PublishAs(a.ctx, shared, []byte(body))) {
				m.did("publish")
			}
		case n < 17:
			if a.answered("retract", f.Retract(a.ctx, shared), feed.ErrNotFound) {
				m.did("retract")
			}
		case n < 18:
			if a.answered("configure", f.Configure(a.ctx, feed.Config{MaxLength: bound, Title: body})) {
				m.did("configure")
			}
		default:
			list, err := f.Newest(a.ctx, 2*bound) // in one step
			if a.answered("newest", err) {
				slices.Reverse(list)
				m.check(len(list) <= bound, "the bound holds", "%d items", len(list))
				m.inOrder(list)
				m.did("read")
			}
		}
	}
}

// feedPeer does the same as a peer.
func feedPeer(m *mix, d peer.Dialect, faults ...string) func(a *agent) {
	var p *peer.Peer
	return func(a *agent) {
		if p == nil {
			p = a.peer(d)
		}
		a.misbehave(p, faults...)
		body := a.body()
		shared := fmt.Sprint("s", a.rnd.IntN(16))
		if p.Faults.Seconds {
			m.fault("seconds")
		}
		switch n := a.rnd.IntN(20); {
		case n < 14:
			id := shared
			if n < 4 {
				id = fmt.Sprintf("%d-%06d", a.number, a.seq)
			}
			_, err := p.Publish(m.name, id, body)
			if a.answered("a peer's publish", err) {
				m.did("publish")
				if p.Faults.SwapPublishEdit {
					m.fault("publish for edit")
				}
			}
		case n < 18:
			err := p.Retract(m.name, shared)
			if p.Faults.RetractUnknown {
				m.fault("retract of unknown ids")
			}
			if a.answered("a peer's retract", err, peer.ErrNotFound) {
				m.did("retract")
			}
		default:
			if p.Faults.NoConffeed {
				m.fault("no conffeed")
			}
			if a.answered("a peer's configure", p.Configure(m.name, map[string]string{"title": body})) {
				m.did("configure")
			}
		}
	}
}

func mixedFeed(m *mix) {
	t, ctx := m.t, m.t.Context()
	f, err := m.engines[0].Feed(ctx, m.name, feed.Config{MaxLength: bound})
	require.NoError(t, err)
	rec := redistest.Record(t, redistest.Shared(t).URL(), contract.Publish.Of(m.name), contract.Edit.Of(m.name), contract.Retract.Of(m.name))
	sub, err := f.Follow(ctx, feed.FollowOptions{Snapshot: true, Mailbox: 100 + 4*m.n})
	require.NoError(t, err)
	defer sub.Close()

	faults := []string{"retract of unknown ids", "publish for edit", "no conffeed"}
	m.work(feedAgent(m, 0), feedAgent(m, 1), feedAgent(m, 0), feedPeer(m, peer.Contract, faults...), feedPeer(m, peer.Contract, faults...))
	items := m.checkFeed(ctx)

	// What was told is what is there: each change and its message are one step.
	told, publishes := map[string]string{}, 0
	for _, msg := range rec.Drain(t) {
		id, body, _ := strings.Cut(msg.Payload, "\x00")
		if strings.HasPrefix(msg.Channel, string(contract.Retract)) {
			delete(told, id)
		} else {
			told[id] = body
			publishes++
		}
	}
	m.check(publishes == m.total("publish"), "each publish is told", "%d, there were %d", publishes, m.total("publish"))
	m.equal("the messages tell what is there", pairsOf(items), pairsOf(told))

	copied := map[string]string{}
	m.raw.Do("PUBLISH", contract.Retract.Of(m.name), marker)
	wait, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	for {
		ev, err := sub.Next(wait)
		m.check(err == nil && ev.Kind != feed.Lagged, "a subscriber misses nothing", "%v %v", ev.Kind, err)
		if err != nil || ev.ID == marker {
			break
		}
		switch ev.Kind {
		case feed.Retracted:
			delete(copied, ev.ID)
		case feed.Synced:
		default:
			copied[ev.ID] = string(ev.Body)
		}
	}
	m.equal("a subscriber's copy is what is there", pairsOf(items), pairsOf(copied))
}

func mixedUnits(m *mix, first peer.Dialect) {
	ctx := m.t.Context()
	p := peer.New(m.raw.DoErr, peer.Config{Dialect: first})
	require.NoError(m.t, p.Open(m.name, contract.TypeFeed, map[string]string{"max_length": fmt.Sprint(bound)}))
	_, err := p.Publish(m.name, "first", "first")
	require.NoError(m.t, err)
	m.did("publish")
	m.work(feedAgent(m, 0), feedAgent(m, 1), feedPeer(m, peer.ThoonkPy, "seconds"), feedPeer(m, peer.Contract, "seconds"))
	if first == peer.ThoonkPy {
		for _, v := range m.raw.Value(contract.IDs.Of(m.name)).([]redistest.Scored) {
			m.check(v.Score < 1e11, "a feed in seconds stays so", "%s %f", v.Member, v.Score)
		}
	}
	m.checkFeed(ctx)
}

// checkFeed checks what holds for any feed, and returns its items.
func (m *mix) checkFeed(ctx context.Context) map[string]string {
	t := m.t
	f, err := m.engines[1].Feed(ctx, m.name, feed.Config{})
	require.NoError(t, err)
	_, err = f.Publish(ctx, []byte("the last"))
	require.NoError(t, err)
	m.did("publish")

	p := peer.New(m.raw.DoErr, peer.Config{})
	theirs, err := p.IDs(m.name)
	require.NoError(t, err)
	items, _ := m.raw.Value(contract.Items.Of(m.name)).(map[string]string)
	m.equal("each id has an item, and each item an id", slices.Sorted(slices.Values(theirs)), slices.Sorted(maps.Keys(items)))
	m.check(len(theirs) <= bound, "the bound holds", "%d items", len(theirs))
	m.check(len(theirs) > 0 && items[theirs[len(theirs)-1]] == "the last", "what was published last is the last", "%v", theirs)

	ids, err := f.IDs(ctx)
	require.NoError(t, err)
	m.equal("peers and engines see the same ids", theirs, ids)
	var ours, bodies []string
	for it, err := range f.All(ctx) {
		require.NoError(t, err)
		ours = append(ours, it.ID+"="+string(it.Body))
	}
	all, err := p.All(m.name)
	require.NoError(t, err)
	for _, it := range all {
		bodies = append(bodies, it.ID+"="+it.Body)
	}
	m.equal("peers and engines see the same items", bodies, ours)

	publishes := fmt.Sprint(m.raw.Do("GET", contract.Publishes.Of(m.name)))
	m.check(publishes == fmt.Sprint(m.total("publish")), "each publish is counted", "%s, there were %d", publishes, m.total("publish"))
	return items
}

// inOrder checks the items that one of the engines' goroutines numbered.
func (m *mix) inOrder(list []feed.Item) {
	last := map[string]string{}
	for _, it := range list {
		m.check(len(it.Body) > 0, "what is listed has an item", "%s", it.ID)
		who, number, ok := strings.Cut(it.ID, "-")
		if ok && (who == "0" || who == "1") {
			m.check(last[who] < number, "a goroutine's items are in its order", "%s after %s", it.ID, last[who])
			last[who] = number
		}
	}
}

func pairsOf(m map[string]string) (list []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, k+"="+m[k])
	}
	return list
}

// TestUnitsInTurn: who publishes in turn is listed in turn, in either unit, as long as peers keep to the one that is there.
func TestUnitsInTurn(t *testing.T) {
	t.Parallel()
	redistest.Shared(t).NeedUnclustered(t, "its peers change the set of names and a name in one step")
	for _, seconds := range []bool{false, true} {
		t.Run(fmt.Sprint("seconds=", seconds), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			eng := openEngine(t, engine.Config{})
			name := redistest.Name(t)
			raw := redistest.Client(t, redistest.Shared(t).URL())
			peers := []*peer.Peer{peer.New(raw.DoErr, peer.Config{})}
			if seconds {
				peers = append(peers, peer.New(raw.DoErr, peer.Config{Dialect: peer.ThoonkPy}))
			}
			first := peers[len(peers)-1]
			require.NoError(t, first.Open(name, contract.TypeFeed, nil))
			f, err := eng.Feed(ctx, name, feed.Config{})
			require.NoError(t, err)
			var want []string
			for i := range 200 {
				id := fmt.Sprintf("%d", (i*7919)%1000) // no order of their own
				want = append(want, id)
				if i%(len(peers)+1) == len(peers) {
					require.NoError(t, f.PublishAs(ctx, id, nil))
				} else {
					_, err := peers[len(peers)-1-i%(len(peers)+1)].Publish(name, id, "")
					require.NoError(t, err)
				}
			}
			ids, err := f.IDs(ctx)
			require.NoError(t, err)
			require.Equal(t, want, ids)
			scores := raw.Value(contract.IDs.Of(name)).([]redistest.Scored)
			require.Equal(t, seconds, scores[len(scores)-1].Score < 1e11)
			require.Equal(t, seconds, scores[0].Score < 1e11)
		})
	}
}
