package wakeup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// crowd is some wakers whose names are armed and disarmed by many goroutines, while
// ids are put. It counts how often each id was handed over.
type crowd struct {
	srv    server
	names  []string
	wakers []*Waker

	mu   sync.Mutex
	seen map[string]int
}

const puts = 3000

// Wake implements Waiter. It often refuses.
func (c *crowd) Wake(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rand.N(4) == 0 {
		return false
	}
	c.seen[id]++
	return true
}

func (c *crowd) Suspect()      {}
func (c *crowd) Refused(error) {}

// run puts ids, calling halfway after half of them, closes the wakers, and returns
// how often each id was handed over or is in its list.
func (c *crowd) run(t *testing.T, halfway func()) map[string]int {
	c.seen = map[string]int{}
	for range 12 {
		c.names = append(c.names, redistest.Name(t))
	}
	stop := make(chan struct{})
	var users sync.WaitGroup
	for _, w := range c.wakers {
		for range 8 {
			users.Go(func() { c.use(w, stop) })
		}
	}
	peer := redistest.Client(t, c.srv.URL())
	for i, half := 0, false; i < puts; {
		if !half && i >= puts/2 {
			half = true
			halfway()
		}
		var cmds [][]any
		for n := min(1+rand.N(20), puts-i); n > 0; n-- {
			name := c.names[rand.N(len(c.names))]
			cmds = append(cmds, []any{"LPUSH", contract.IDs.Of(name), fmt.Sprintf("%s/%d", name, i)})
			i++
		}
		peer.Pipeline(cmds...)
		pause(rand.N(5 * time.Millisecond))
	}
	close(stop)
	users.Wait()
	for _, w := range c.wakers {
		require.NoError(t, w.Close(t.Context()))
	}
	t.Logf("%d of %d handed over, %+v", len(c.seen), puts, c.wakers[0].Stats())
	for _, name := range c.names {
		for _, id := range list(peer, name) {
			c.seen[id]++
		}
	}
	return c.seen
}

func (c *crowd) use(w *Waker, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		w.Arm(c.names[rand.N(len(c.names))], c)
		if rand.N(3) == 0 {
			w.Disarm(c.names[rand.N(len(c.names))], c)
		}
		pause(rand.N(time.Millisecond))
	}
}

// pause lets other goroutines go on; nothing depends on how long.
func pause(d time.Duration) { <-time.After(d) }

// TestNothingIsLost: in the end each id was handed over once, or is in its list once.
func TestNothingIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, srv server) {
		c := &crowd{srv: srv}
		for range 3 {
			c.wakers = append(c.wakers, onServer(t, srv, Config{PerShard: 5, Linger: time.Millisecond}))
		}
		seen := c.run(t, func() { require.NoError(t, c.wakers[1].Close(t.Context())) })
		require.Len(t, seen, puts)
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
	})
}

// TestLossesAreBounded cuts connections all the time: an id is lost only with a
// connection, one at most, and none is handed over twice.
func TestLossesAreBounded(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	target.NeedReal(t)
	proxy := redistest.NewProxy(t, target.URL())
	c := &crowd{srv: target}
	for range 2 {
		c.wakers = append(c.wakers, behindProxy(t, proxy, target, Config{PerShard: 5}))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var cutter sync.WaitGroup
	cutter.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-proxy.CutAfter(1 + rand.N(100)):
			case <-ctx.Done():
			}
		}
	})
	seen := c.run(t, func() { cancel(); cutter.Wait(); proxy.Cut() })
	cuts := int(c.wakers[0].Stats().Reconnects + c.wakers[1].Stats().Reconnects)
	require.Positive(t, cuts)
	t.Logf("%d ids lost with %d connections", puts-len(seen), cuts)
	require.LessOrEqual(t, puts-len(seen), cuts+6) // the last ones may not have been replaced
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
}
