package conformance

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// The mixed tests have two engines and some peers work on one name at random, the peers with faults that are switched on
// and off, and then hold what is there against the promises that the engine makes. THOONK_FULL=1 makes them long.

// A mix is one such run: where the engines connect to, how much is done, and what came of it.
type mix struct {
	t        testing.TB
	url      string // of the engines
	n        int    // operations in all
	patience time.Duration
	name     string
	engines  []*engine.Engine
	raw      *redistest.Raw

	mu         sync.Mutex
	ops        map[string]int // that took effect, by what they were
	faults     map[string]int // that were injected
	checks     map[string]int
	violations []string
}

// seed is printed with a failure; the goroutines' order is not repeatable, their choices are.
const seed = 20

func newMix(t testing.TB, url string, n int) *mix {
	t.Helper()
	redistest.Shared(t).NeedUnclustered(t, "its peers change the set of names and a name in one step")
	m := &mix{
		t: t, url: url, n: n, patience: 20 * time.Second, name: redistest.Name(t), raw: redistest.Client(t, redistest.Shared(t).URL()),
		ops: map[string]int{}, faults: map[string]int{}, checks: map[string]int{},
	}
	for range 2 {
		eng, err := engine.Open(t.Context(), engine.Config{URL: url, CheckEvery: 500 * time.Millisecond, Lease: time.Second, Connections: 1})
		require.NoError(t, err)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			_ = eng.Close(ctx) // the lost claims of a seeded bug may end it
		})
		m.engines = append(m.engines, eng)
	}
	return m
}

// operations is how many a mixed test does.
func operations(small int) int {
	if os.Getenv("THOONK_FULL") != "" {
		return 20 * small
	}
	return small
}

// did counts an operation that took effect.
func (m *mix) did(what string) { m.count(m.ops, what) }

// fault counts an injected one.
func (m *mix) fault(what string) { m.count(m.faults, what) }

func (m *mix) count(in map[string]int, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in[what]++
}

func (m *mix) total(what ...string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range what {
		n += m.ops[w]
	}
	return n
}

// check notes a violation unless it holds.
func (m *mix) check(holds bool, invariant, format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checks[invariant]++
	if !holds && len(m.violations) < 100 {
		m.violations = append(m.violations, invariant+": "+fmt.Sprintf(format, args...))
	}
}

// eventually is a check that has some time to become true.
func (m *mix) eventually(invariant string, holds func() bool, state func() string) {
	deadline := time.Now().Add(m.patience)
	ok := holds()
	for tick := time.NewTicker(5 * time.Millisecond); !ok && time.Now().Before(deadline); ok = holds() {
		<-tick.C
	}
	if ok {
		m.check(true, invariant, "")
	} else {
		m.check(false, invariant, "%s", state())
	}
}

// done prints what happened, and fails the test if anything is wrong.
func (m *mix) done() {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.t.Logf("operations: %s", counts(m.ops))
	m.t.Logf("misbehaviours: %s", counts(m.faults))
	m.t.Logf("checks: %s", counts(m.checks))
	m.t.Logf("%d violations (seed %d)", len(m.violations), seed)
	for _, v := range m.violations {
		assert.Fail(m.t, v)
	}
}

func counts(m map[string]int) string {
	var all []string
	sum := 0
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%s %d", k, m[k]))
		sum += m[k]
	}
	return fmt.Sprintf("%d (%s)", sum, strings.Join(all, ", "))
}

// An agent is one of those who work at the same time.
type agent struct {
	*mix
	number int
	rnd    *rand.Rand
	raw    *redistest.Raw // of this agent alone
	ctx    context.Context
	seq    int
}

// body is an item that nobody else writes.
func (a *agent) body() string {
	a.seq++
	return fmt.Sprintf("%d/%d", a.number, a.seq)
}

// chance is true one time in n.
func (a *agent) chance(n int) bool { return a.rnd.IntN(n) == 0 }

// peer is a peer of this agent.
func (a *agent) peer(d peer.Dialect) *peer.Peer {
	return peer.New(a.raw.DoErr, peer.Config{Dialect: d})
}

// misbehave switches some faults of a peer on, or off.
func (a *agent) misbehave(p *peer.Peer, which ...string) {
	p.Faults = peer.Faults{}
	if !a.chance(3) {
		return
	}
	switch what := which[a.rnd.IntN(len(which))]; what {
	case "seconds":
		p.Faults.Seconds = true
	case "retract of unknown ids":
		p.Faults.RetractUnknown = true
	case "retry of anything":
		p.Faults.RetryAnything = true
	case "items without ids":
		p.Faults.ItemsWithoutIDs = true
	case "publish for edit":
		p.Faults.SwapPublishEdit = true
	case "no conffeed":
		p.Faults.NoConffeed = true
	default:
		a.t.Errorf("what is %q?", what)
	}
}

// work has agents do something at the same time, as often each. Nobody gets far ahead: engines are faster than peers, who
// begin again when what they watch has changed, and neither must have the last word alone.
func (m *mix) work(agents ...func(a *agent)) {
	const ahead = 20
	ctx, cancel := context.WithTimeout(m.t.Context(), m.patience+10*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	moved := sync.NewCond(&mu)
	rounds := make([]int, len(agents))
	for i, do := range agents {
		a := &agent{
			mix: m, number: i, rnd: rand.New(rand.NewPCG(seed, uint64(i))), ctx: ctx,
			raw: redistest.Client(m.t, redistest.Shared(m.t).URL()),
		}
		all.Go(func() {
			set := func(round int) {
				mu.Lock()
				defer mu.Unlock()
				rounds[i] = round
				moved.Broadcast()
			}
			defer set(m.n) // also if a failure ends this goroutine
			for round := range m.n / len(agents) {
				set(round)
				mu.Lock()
				for round > slices.Min(rounds)+ahead {
					moved.Wait()
				}
				mu.Unlock()
				do(a)
			}
		})
	}
	all.Wait()
}

// answered notes an error that a call must not return.
func (a *agent) answered(call string, err error, expected ...error) bool {
	for _, e := range expected {
		if err == e || err != nil && strings.Contains(err.Error(), e.Error()) {
			return false
		}
	}
	a.check(err == nil, "calls answer", "%s: %v", call, err)
	return err == nil
}

// equal checks two lists.
func (m *mix) equal(invariant string, want, got []string) {
	m.check(slices.Equal(want, got), invariant, "%d %.300q and %d %.300q", len(want), want, len(got), got)
}
