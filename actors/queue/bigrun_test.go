package queue_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A ledger says what became of each item, by its body.
type ledger struct {
	mu        sync.Mutex
	acked     map[string]bool
	unknown   map[string]bool
	notSent   map[string]bool
	delivered map[string]int
}

func newLedger() *ledger {
	return &ledger{acked: map[string]bool{}, unknown: map[string]bool{}, notSent: map[string]bool{}, delivered: map[string]int{}}
}

func (l *ledger) put(body string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.acked[body] = true
	case errors.Is(err, engine.ErrOutcomeUnknown):
		l.unknown[body] = true
	default:
		l.notSent[body] = true
	}
}

func (l *ledger) deliver(items ...queue.Item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, it := range items {
		l.delivered[string(it.Body)]++
	}
}

// Items are put and taken while getters leave, engines close and come back,
// replies get lost, connections are cut, and worker processes are killed. Then:
//
//	acknowledged = delivered + still queued + taken by killed workers
//
// Nothing is delivered twice, and what was not sent never comes.
func TestBigRun(t *testing.T) {
	total := int64(5_000)
	if os.Getenv("THOONK_FULL") != "" {
		total = 110_000
	}
	t.Run("living", func(t *testing.T) { runBig(t, total, false) })
	t.Run("killed", func(t *testing.T) { runBig(t, total, true) })
}

func runBig(t *testing.T, total int64, killing bool) {
	target := redistest.Shared(t)
	target.NeedReal(t)
	proxy := redistest.NewProxy(t, target.URL())
	cfg := engine.Config{URL: proxy.URL(), CheckEvery: 200 * time.Millisecond, Timeout: 500 * time.Millisecond, Connections: 2}
	b := benchOn(t, openEngine(t, engine.Config{URL: target.URL()}), target.URL())
	r := &bigRun{ledger: newLedger(), t: t, cfg: cfg, name: b.name, total: total}

	stopFaults, stopGetters := make(chan struct{}), make(chan struct{})
	var producers, getters, faults sync.WaitGroup
	for range 4 {
		producers.Go(r.produce)
		getters.Go(func() { r.getAndReopen(stopGetters) })
	}
	faults.Go(func() { r.faults(proxy, stopFaults) })
	if killing {
		faults.Go(func() { r.kill(target.URL(), stopFaults) })
	}

	producers.Wait()
	// Everybody goes on until most of it is taken.
	empty := assert.Eventually(t, func() bool { return b.peer.Int("HLEN", "feed.items:"+b.name) < 50 },
		time.Minute, 5*time.Millisecond, "the queue runs empty")
	close(stopFaults)
	faults.Wait()
	close(stopGetters)
	getters.Wait()
	require.True(t, empty)

	// Some ids may have been popped by workers that were killed: they are back soon.
	queued := int(b.peer.Int("HLEN", "feed.items:"+b.name))
	last, err := openAnyhow(cfg) // a fault that was to come still comes
	require.NoError(t, err)
	t.Cleanup(func() { closeEngine(t, last) })
	q, err := last.Queue(t.Context(), b.name, queue.Config{})
	require.NoError(t, err)
	for b.peer.Int("HLEN", "feed.items:"+b.name) > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		items, err := q.GetUpTo(ctx, 100, 0)
		cancel()
		require.NoError(t, err, "what is queued can be taken: %v", b.state())
		r.deliver(items...)
	}

	taken := 0
	for body := range r.acked {
		if r.delivered[body] == 0 {
			taken++
		}
	}
	unknown := 0
	for body := range r.unknown {
		if r.delivered[body] > 0 {
			unknown++
		}
	}
	t.Logf("%d acknowledged = %d delivered (of these %d queued at the end) + %d taken by killed workers",
		len(r.acked), len(r.delivered)-unknown, queued, taken)
	t.Logf("%d puts with an unknown outcome, of these %d took effect; %d not sent", len(r.unknown), unknown, len(r.notSent))
	t.Logf("%d getters left, %d engines closed, %d workers killed, %d replies swallowed, %d connections through the proxy",
		r.left.Load(), r.closed.Load(), r.killed.Load(), proxy.Stats().Swallowed, proxy.Stats().Connections)
	for body, n := range r.delivered {
		assert.Equal(t, 1, n, "%s was delivered more than once", body)
		assert.False(t, r.notSent[body], "%s was not sent, and came", body)
		assert.True(t, r.acked[body] || r.unknown[body], "%s was never put", body)
	}
	// A getter of a killed worker had one item on its way, or had not written it yet.
	assert.LessOrEqual(t, taken, workerGetters*int(r.killed.Load()), "acknowledged and gone")
	assert.Equal(t, killing, r.killed.Load() > 0)
	assert.Positive(t, r.left.Load())
}

type bigRun struct {
	*ledger
	t     *testing.T
	cfg   engine.Config
	name  string
	total int64

	made, left, closed, killed atomic.Int64
}

// produce puts until there is enough, through an engine of its own. Some calls
// have little time.
func (r *bigRun) produce() {
	eng, err := openAnyhow(r.cfg)
	if !assert.NoError(r.t, err) {
		return
	}
	defer closeEngine(r.t, eng)
	q, err := eng.Queue(context.Background(), r.name, queue.Config{})
	if !assert.NoError(r.t, err) {
		return
	}
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			for r.made.Load() < r.total {
				n := 1 + rand.IntN(20)
				to := r.made.Add(int64(n))
				var many [][]byte
				for i := range n {
					many = append(many, fmt.Appendf(nil, "%d", to-int64(i)))
				}
				ctx, cancel := context.WithCancel(context.Background())
				if rand.IntN(20) == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(5000))*time.Microsecond)
				}
				var opts []queue.PutOptions
				if rand.IntN(10) == 0 {
					opts = append(opts, queue.PutOptions{Priority: queue.High})
				}
				outcomes, _ := q.PutMany(ctx, many, opts...)
				cancel()
				for i, o := range outcomes {
					r.put(string(many[i]), o.Err)
				}
			}
		})
	}
	calls.Wait()
}

// openAnyhow opens an engine, also when the faults hit that.
func openAnyhow(cfg engine.Config) (eng *engine.Engine, err error) {
	for range 20 {
		if eng, err = engine.Open(context.Background(), cfg); err == nil {
			return eng, nil
		}
	}
	return nil, err
}

// getAndReopen takes through an engine that is closed and replaced again and again.
func (r *bigRun) getAndReopen(stop <-chan struct{}) {
	for {
		eng, err := openAnyhow(r.cfg)
		if !assert.NoError(r.t, err) {
			return
		}
		q, err := eng.Queue(context.Background(), r.name, queue.Config{})
		if !assert.NoError(r.t, err) {
			return
		}
		var calls sync.WaitGroup
		for range 12 {
			calls.Go(func() { r.get(q) })
		}
		over := false
		select {
		case <-time.After(time.Duration(20+rand.IntN(200)) * time.Millisecond):
		case <-stop:
			over = true
		}
		closeEngine(r.t, eng)
		calls.Wait()
		if over {
			return
		}
		r.closed.Add(1)
	}
}

// get takes in every way there is, until the engine is closed.
func (r *bigRun) get(q *queue.Queue) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20_000))*time.Microsecond)
		var items []queue.Item
		var it queue.Item
		var err error
		switch rand.IntN(4) {
		case 0:
			items, err = q.GetUpTo(ctx, 1+rand.IntN(20), 0)
		case 1:
			items, err = q.GetUpTo(ctx, 1+rand.IntN(20), time.Duration(rand.IntN(5000))*time.Microsecond)
		case 2:
			if it, err = q.TryGet(ctx); err == nil {
				items = []queue.Item{it}
			}
		default:
			if it, err = q.Get(ctx); err == nil {
				items = []queue.Item{it}
			}
		}
		cancel()
		r.deliver(items...)
		switch {
		case errors.Is(err, engine.ErrStopped):
			return
		case errors.Is(err, context.DeadlineExceeded):
			r.left.Add(1)
		case err != nil && !errors.Is(err, queue.ErrEmpty):
			assert.NoError(r.t, err)
			return
		}
	}
}

// faults swallows replies and cuts connections: of each kind one at a time, and with
// rests that are sometimes longer than the pause between two attempts of a call, or
// the last call of all would never get through.
func (r *bigRun) faults(proxy *redistest.Proxy, stop <-chan struct{}) {
	kinds := []func() <-chan struct{}{
		func() <-chan struct{} { return proxy.SwallowNext(named(queue.Put())) },
		func() <-chan struct{} { return proxy.SwallowNext(named(queue.Take())) },
		func() <-chan struct{} { return proxy.SwallowNext(named(queue.Return())) },
		func() <-chan struct{} { return proxy.SwallowNext([]byte("BRPOP")) },
		func() <-chan struct{} { return proxy.CutAfterBytes(1 + rand.Int64N(50_000)) },
	}
	var all sync.WaitGroup
	for _, arm := range kinds {
		all.Go(func() {
			for {
				select {
				case <-arm():
				case <-stop:
					return
				}
				select {
				case <-time.After(time.Duration(rand.IntN(100<<(rand.IntN(8)/2))) * time.Millisecond):
				case <-stop:
					return
				}
			}
		})
	}
	all.Wait()
}

// kill runs worker processes and kills them in the middle of their work.
func (r *bigRun) kill(url string, stop <-chan struct{}) {
	for {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), workerURL+"="+url, workerQueue+"="+r.name)
		out, err := cmd.StdoutPipe()
		if !assert.NoError(r.t, err) || !assert.NoError(r.t, cmd.Start()) {
			return
		}
		working := make(chan struct{})
		read := make(chan struct{})
		go func() {
			defer close(read)
			lines := bufio.NewReader(out)
			for n := 0; ; n++ {
				line, err := lines.ReadString('\n')
				if err != nil {
					return // a line that is not whole was not written
				}
				r.deliver(queue.Item{Body: []byte(strings.TrimSuffix(line, "\n"))})
				if n == 20 {
					close(working)
				}
			}
		}()
		over := false
		select {
		case <-working:
		case <-stop:
			over = true
		}
		assert.NoError(r.t, cmd.Process.Kill())
		<-read
		_ = cmd.Wait() // says that it was killed
		r.killed.Add(1)
		if over {
			return
		}
		select {
		case <-time.After(time.Duration(rand.IntN(100)) * time.Millisecond):
		case <-stop:
			return
		}
	}
}
