package wakeup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// sent is what commands cost Redis while f ran.
func sent(peer *redistest.Raw, f func()) map[string]int64 {
	before := peer.CommandStats()
	f()
	after := peer.CommandStats()
	delete(after, "info")
	for c, n := range before {
		if after[c] -= n; after[c] <= 0 {
			delete(after, c)
		}
	}
	return after
}

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("name", i)
	}
	return all
}

// TestThousandNames: a process that starts arms all its names in a row.
func TestThousandNames(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	w := onServer(t, srv, Config{})
	b, all := newBox(1000), names(1000)

	cost := sent(peer, func() {
		for _, name := range all {
			w.Arm(name, b)
		}
		blocked(t, w)
	})
	require.Equal(t, 16, w.Stats().Connections)
	require.Equal(t, 1000, w.Stats().Names)
	t.Logf("arming 1,000 names: %v", cost)
	require.LessOrEqual(t, cost["lpush"], int64(64))
	require.LessOrEqual(t, cost["brpop"], cost["lpush"]+16)

	for _, name := range []string{all[0], all[500], all[999]} {
		put(peer, name, name)
		require.Equal(t, name, b.next(t))
	}
	cost = sent(peer, func() {
		for _, name := range all {
			w.Disarm(name, b)
		}
		redistest.Eventually(t, func() bool { return !anyPopping(w) })
	})
	t.Logf("disarming them: %v", cost)
	require.LessOrEqual(t, cost["lpush"], int64(32)) // lazily, so about one per connection
	for _, name := range all {
		put(peer, name, "x")
	}
	require.NoError(t, w.Close(t.Context()))
	require.Zero(t, w.Stats().Returned)
	require.Empty(t, b.ids)
}

func anyPopping(w *Waker) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.shards, func(s *shard) bool { return s != nil && s.blocked })
}

// TestPopsOfMany: many connections send no more pops a second than few do, as long as none
// lasts six times Timeout.
func TestPopsOfMany(t *testing.T) {
	cfg := Config{}.withDefaults()
	for _, c := range []struct {
		connections int
		timeout     time.Duration
	}{{0, 5 * time.Second}, {1, 5 * time.Second}, {20, 5 * time.Second}, {40, 10 * time.Second}, {120, 30 * time.Second}, {1000, 30 * time.Second}} {
		require.Equal(t, c.timeout, cfg.timeout(c.connections), c.connections)
	}
}

// TestIdleCost counts what waiting costs, with a time limit that is ten times as
// short as the default.
func TestIdleCost(t *testing.T) {
	t.Parallel()
	const timeout, rounds = 500 * time.Millisecond, 3
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	w := onServer(t, srv, Config{Timeout: timeout, Check: everything, CheckEvery: timeout})
	for _, name := range names(1000) {
		w.Arm(name, newBox(1))
	}
	blocked(t, w)
	begun := time.Now()
	cost := sent(peer, func() {
		start := w.Stats().Pops
		redistest.Eventually(t, func() bool { return w.Stats().Pops >= start+16*rounds })
	})
	limits := float64(time.Since(begun)) / float64(timeout) // more than that if somebody stalls
	t.Logf("16 connections, %.1f time limits: %v", limits, cost)
	require.GreaterOrEqual(t, cost["brpop"], int64(16*(rounds-1)))
	require.LessOrEqual(t, float64(cost["brpop"]), 16*(limits+1), "one for each connection and time limit")
	delete(cost, "brpop")
	require.Empty(t, cost)
}

// TestChecks come at their time, for the armed names only, whether they fail or not.
func TestChecks(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	asked := make(chan []string)
	w := onServer(t, target, Config{CheckEvery: time.Millisecond, Check: func(ctx context.Context, names []string) ([]string, error) {
		select {
		case asked <- names:
			return nil, errors.New("no")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}})
	one, two, b := redistest.Name(t), redistest.Name(t), newBox(0)
	w.Arm(one, b)
	for range 3 {
		require.Equal(t, []string{one}, receive(t, asked))
	}
	w.Arm(two, b)
	redistest.Eventually(t, func() bool { return len(receive(t, asked)) == 2 })
	w.Disarm(one, b)
	redistest.Eventually(t, func() bool { return len(receive(t, asked)) == 1 })
	w.Disarm(two, b)
	go func() { _ = w.Close(context.Background()) }()
	for {
		select {
		case <-asked: // one may have been on its way
		case <-w.done:
			return
		}
	}
}

// TestCostOfWake: alone on its connection a name costs one command per wake-up.
func TestCostOfWake(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	for neighbours, want := range []map[string]int64{
		{"brpop": 100, "lpush": 100},
		{"brpop": 200, "lpush": 200, "pexpire": 100},
	} {
		t.Run(fmt.Sprint(neighbours, " neighbours"), func(t *testing.T) {
			w := onServer(t, srv, Config{})
			name, b := redistest.Name(t), newBox(1)
			w.Arm(name, b)
			for range neighbours {
				w.Arm(redistest.Name(t), b)
			}
			blocked(t, w)
			cost := sent(peer, func() {
				for range 100 {
					put(peer, name, "1")
					b.next(t)
					w.Arm(name, b)
					blocked(t, w)
				}
			})
			for c, n := range cost { // less when the name is armed before the next pop is sent, some more when somebody stalls
				require.LessOrEqual(t, n, want[c]+20, "%v", cost)
			}
			require.GreaterOrEqual(t, cost["brpop"], int64(100))
		})
	}
}

// TestDisarmAndArm: who waits in a loop with short time limits costs nothing.
func TestDisarmAndArm(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	w := onServer(t, srv, Config{})
	b := newBox(1)
	w.Arm("neighbour", newBox(1))
	w.Arm("name", b)
	blocked(t, w)
	cost := sent(peer, func() {
		for range 1000 {
			w.Disarm("name", b)
			w.Arm("name", b)
		}
		put(peer, "name", "1")
		b.next(t)
	})
	require.LessOrEqual(t, cost["brpop"], int64(10), "%v", cost)
}
