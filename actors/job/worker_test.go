package job_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// full is for tests whose size is not for every day.
var full = os.Getenv("THOONK_FULL") != ""

// A worker is this test binary, run again as a process of its own. The variable
// says what it does: "<work> <job set> <journal> <url>".
const workerEnv = "THOONK_JOB_WORKER"

type worker struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{}
}

func startWorker(t testing.TB, work, name, journal, url string) *worker {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	w := &worker{t: t, cmd: exec.Command(exe), done: make(chan struct{})}
	w.cmd.Env = append(os.Environ(), workerEnv+"="+strings.Join([]string{work, name, journal, url}, " "))
	w.cmd.Stderr = os.Stderr
	_, err = w.cmd.StdinPipe() // it ends with us: its standard input does
	require.NoError(t, err)
	require.NoError(t, w.cmd.Start())
	go func() {
		_ = w.cmd.Wait()
		close(w.done)
	}()
	t.Cleanup(w.kill)
	return w
}

// kill is SIGKILL, and waits for the end.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill()
	<-w.done
}

// workerProcess is the main function of a worker.
func workerProcess(env string) int {
	words := strings.SplitN(env, " ", 4)
	if err := runWorker(words[0], words[1], words[2], words[3]); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}

func runWorker(work, name, journal, url string) error {
	ctx := context.Background()
	cfg := engine.Config{URL: url, Connections: 1}
	handler, workers := hold, 100
	if work == "mix" {
		file, err := os.OpenFile(journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer file.Close()
		cfg.Lease = mixLease
		cfg.CheckEvery = 5 * time.Second
		handler, workers = mix(file), 16
	}
	var eng *engine.Engine
	err := errors.New("not tried")
	for range 10 { // the connection may be cut meanwhile
		if eng, err = engine.Open(ctx, cfg); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	jobs, err := eng.Jobs(ctx, name, job.Config{})
	if err != nil {
		return err
	}
	if err := eng.Handle(ctx, jobs, handler, pool.Options{Workers: workers}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil // without a Close: as a crash
}

func hold(ctx context.Context, _ *job.Claim) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

const mixLease = 2 * time.Second

// mix ends jobs in all ways there are, at random, and keeps a journal: "start
// token", and "accepted" if a claim that it has ended could be ended again.
func mix(journal io.Writer) job.Handler {
	var mu sync.Mutex
	note := func(what string, c *job.Claim) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(journal, "%s %s %s\n", what, c.ID, c.Token()) // one write: a kill does not tear it
	}
	return func(ctx context.Context, c *job.Claim) ([]byte, error) {
		note("start", c)
		defer note("end", c)
		if rand.N(4) == 0 {
			select {
			case <-ctx.Done():
			case <-time.After(rand.N(20 * time.Millisecond)):
			}
		}
		switch rand.N(12) {
		case 0:
			return nil, errors.New("failed")
		case 1:
			panic("at the disco")
		case 2:
			return nil, job.Snooze(rand.N(50 * time.Millisecond))
		case 3:
			return nil, job.RetryAfter(rand.N(50*time.Millisecond), errors.New("again"))
		case 4:
			return nil, job.Discard(errors.New("whatever"))
		case 5:
			if err := c.Cancel(ctx, "by hand"); err == nil {
				note("stale", c)
				if err := c.Finish(ctx, nil); err == nil {
					note("accepted", c)
				}
			}
			return nil, nil
		case 6:
			_ = c.Progress(ctx, "some")
		}
		return []byte("done"), nil
	}
}

// A killed process' jobs run elsewhere within 15 s at defaults.
func TestCrash(t *testing.T) {
	t.Parallel()
	const total = 100
	b := newBench(t, job.Config{})
	b.seedMany(total)
	peer := redistest.Client(t, b.url)
	stalled := stalls(t, func() { peer.Do("PING") })
	w := startWorker(t, "hold", b.name, "-", b.url)
	redistest.Eventually(t, func() bool { return b.counts().Claimed == total }, "the worker holds all")
	var mu sync.Mutex
	var slowest time.Duration
	var killed time.Time
	ran := map[string]bool{}
	done := make(chan struct{})
	b.handle(func(_ context.Context, c *job.Claim) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		slowest = time.Since(killed)
		if ran[c.ID] = true; len(ran) == total {
			close(done)
		}
		return nil, nil
	}, pool.Options{})
	mu.Lock()
	killed = time.Now()
	mu.Unlock()
	w.kill()
	select {
	case <-done:
	case <-time.After(45 * time.Second):
		t.Error("not all jobs run again")
	}
	mu.Lock()
	defer mu.Unlock()
	longest := stalled()
	t.Logf("%d of %d jobs ran elsewhere, the last %v after the kill; the longest stall was of %v", len(ran), total, slowest, longest)
	require.Len(t, ran, total)
	limit := 15*time.Second + longest
	if longest > time.Second { // a look that takes long makes the next ones wait for another lease
		limit += 15 * time.Second
	}
	require.LessOrEqual(t, slowest, limit)
	redistest.Eventually(t, func() bool { return b.counts().Finished == total }, "all end")
}

// inspect looks at all jobs in one step. It returns how many there are, in several
// states, queued twice, in none, and ids without a job in a state.
const inspect = `
local ids, items, claimed, stalled, delayed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local places, twice = {}, 0
local function add(list)
  for _, id in ipairs(list) do places[id] = (places[id] or 0) + 1 end
end
local line = redis.call('LRANGE', ids, 0, -1)
add(line) add(redis.call('ZRANGE', claimed, 0, -1)) add(redis.call('SMEMBERS', stalled)) add(redis.call('ZRANGE', delayed, 0, -1))
local seen = {}
for _, id in ipairs(line) do if seen[id] then twice = twice + 1 end seen[id] = true end
local several, none, total, example = 0, 0, 0, ''
for _, id in ipairs(redis.call('HKEYS', items)) do
  total = total + 1
  if not places[id] then none = none + 1 elseif places[id] > 1 then several = several + 1 example = id end
  places[id] = nil
end
local orphans = 0
for id in pairs(places) do orphans = orphans + 1 example = id end
return {total, several, twice, none, orphans, example}`

// Worker processes that are killed, cut off and get no replies, at random:
// every job is in one state at every look, and ends; claims are exclusive.
func TestEveryJobEnds(t *testing.T) {
	t.Parallel()
	total, workers, every := 3000, 4, 250*time.Millisecond
	if full {
		total = 100000
	}
	target := redistest.Shared(t)
	target.NeedReal(t)
	b := newBench(t, job.Config{MaxFailures: 5, MinBackoff: 5 * time.Millisecond, MaxBackoff: 100 * time.Millisecond, ResultTTL: time.Minute})
	dir := t.TempDir()
	type place struct {
		*worker
		proxy *redistest.Proxy
	}
	var places []*place
	files := 0
	start := func(p *place) {
		files++
		p.worker = startWorker(t, "mix", b.name, filepath.Join(dir, fmt.Sprint(files)), p.proxy.URL())
	}
	for range workers {
		p := &place{proxy: redistest.NewProxy(t, target.URL())}
		start(p)
		places = append(places, p)
	}
	ids := map[string]bool{}
	for len(ids) < total {
		bodies := make([][]byte, min(1000, total-len(ids)))
		outcomes, err := b.PutMany(t.Context(), bodies)
		require.NoError(t, err)
		for _, o := range outcomes {
			ids[o.ID] = true
		}
	}
	keys := []string{"feed.ids:" + b.name, "feed.items:" + b.name, "feed.claimed:" + b.name, "feed.stalled:" + b.name, "feed.delayed:" + b.name}
	var kills, cuts, swallows, looks, most int
	look := func() (left int64) {
		r := b.peer.Eval(inspect, keys).([]any)
		looks++
		left = r[0].(int64)
		most = max(most, int(r[3].(int64)))
		if r[1] != int64(0) || r[2] != int64(0) || r[4] != int64(0) {
			t.Errorf("look %d: of %v jobs %v are in several states, %v are queued twice; %v ids have no job: %v", looks, r[0], r[1], r[2], r[4], r[5])
		}
		return left
	}
	faults := time.Now().Add(4 * time.Second)
	if full {
		faults = time.Now().Add(2 * time.Minute)
	}
	deadline := faults.Add(4 * time.Minute)
	tick := time.NewTicker(every / 5)
	defer tick.Stop()
	for n := 0; ; n++ {
		<-tick.C
		if !full || n%60 == 0 { // a look at 100,000 jobs stops Redis for a while
			look()
		}
		if b.peer.Int("HLEN", "feed.items:"+b.name) == 0 || t.Failed() {
			look()
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("jobs are left: %+v", b.counts())
			break
		}
		if n%5 == 0 {
			_, err := b.RetryAll(t.Context())
			require.NoError(t, err)
		}
		if n%5 != 4 || time.Now().After(faults) {
			continue
		}
		p := places[rand.N(workers)]
		switch rand.N(6) {
		case 0, 1:
			kills++
			p.kill()
			start(p)
		case 2, 3:
			cuts++
			p.proxy.Cut()
		default:
			swallows++
			p.proxy.SwallowReplies(1)
		}
	}
	for _, p := range places {
		p.kill()
	}
	require.Equal(t, int64(total), b.counts().Finished, "each is finished once")
	starts, stale, accepted, runs := map[string]int{}, 0, 0, 0
	for n := 1; n <= files; n++ {
		f, err := os.Open(filepath.Join(dir, fmt.Sprint(n)))
		if err != nil {
			continue // killed before it began
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			words := strings.Fields(s.Text())
			switch words[0] {
			case "start":
				runs++
				key := words[1] + " " + words[2]
				if starts[key]++; starts[key] > 1 {
					t.Errorf("a claim was handed out twice: %s", key)
				}
				if !ids[words[1]] {
					t.Errorf("a job that was never put: %s", words[1])
				}
			case "stale":
				stale++
			case "accepted":
				accepted++
				t.Errorf("a claim that had ended was finished: %v", words[1:])
			}
		}
		_ = f.Close()
	}
	t.Logf("%d jobs, %d runs; %d kills, %d cuts, %d swallowed replies; %d looks, at most %d ids on their way; %d stale finishes, %d accepted",
		total, runs, kills, cuts, swallows, looks, most, stale, accepted)
	require.Greater(t, runs, total)
}
