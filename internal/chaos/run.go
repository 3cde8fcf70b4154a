//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/chaos/audit"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
	"github.com/thoonk-go/thoonk/internal/chaos/load"
	"github.com/thoonk-go/thoonk/internal/contract"
)

// Options say what a run is.
type Options struct {
	System    System
	Binary    string // of the process under test
	Seed      uint64
	For       time.Duration // of the faults
	Every     int64         // operations between two faults, on average
	Pace      time.Duration // of each goroutine of each process
	Producers int
	Workers   int
	Parts     []load.Part
	Spared    bool          // the first producer and the first worker are not killed
	Tidy      bool          // nothing is left to grow
	Without   []string      // faults that are left out
	Only      []string      // faults that are not; defaults to all
	Patience  time.Duration // for what has to come true in the end
}

// A Run is some processes at work on a system while faults strike, and what came of it.
type Run struct {
	Options
	t       testing.TB
	dir     string
	control *engine.Engine // past all proxies: what people and other services do
	slots   []*slot
	verdict *audit.Verdict

	striking sync.WaitGroup

	mu   sync.Mutex
	gone map[string]bool // lists of processes that were killed, deleted to be tidy
}

// A slot is the place of a process. When it is killed another one takes the place.
type slot struct {
	role   load.Role
	number int

	mu        sync.Mutex
	processes []*process // the last one lives
}

func (s *slot) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[len(s.processes)-1]
}

// Do runs processes under faults for a while, lets them come to rest, and audits everything.
func Do(t testing.TB, o Options) *audit.Verdict {
	t.Helper()
	return do(t, o, func(context.Context, *Run) {})
}

// do has something else go on while faults strike.
func do(t testing.TB, o Options, beside func(context.Context, *Run)) *audit.Verdict {
	t.Helper()
	r := &Run{Options: o, t: t, dir: ledgers(t), verdict: audit.NewVerdict(), gone: map[string]bool{}}
	r.begin()
	r.storm(beside)
	r.calm()
	r.end()
	return r.verdict
}

// ledgers is a directory for ledgers: in memory if there is such a place, for on a disk they would wait for the server's own
// writes.
func ledgers(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "chaos")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (r *Run) begin() {
	var err error
	cfg := load.Engine(r.System.Direct(), r.System.Replicas())
	cfg.Patience = 30 * time.Second
	r.control, err = engine.Open(r.t.Context(), cfg)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { r.closeControl() })
	for i := range r.Producers + r.Workers {
		s := &slot{role: load.Worker, number: i}
		if i < r.Producers {
			s.role = load.Producer
		}
		r.slots = append(r.slots, s)
		r.startProcess(s)
	}
}

func (r *Run) startProcess(s *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("%c%d-%d", s.role[0], s.number, len(s.processes)+1)
	s.processes = append(s.processes, start(r.t, r.Binary, r.dir, load.Config{
		Process: name, URL: r.System.URL(s.number), Role: s.role, Pace: r.Pace, Parts: r.Parts, Tidy: r.Tidy, Replicas: r.System.Replicas(),
		Seed: r.Seed<<16 + uint64(s.number)<<8 + uint64(len(s.processes)),
	}))
}

// tidyUp deletes what the last process of a slot, which was killed, has left: nobody else works on it.
func (r *Run) tidyUp(ctx context.Context, s *slot) {
	for name, err := range r.control.Names(ctx) {
		if err != nil || !strings.HasPrefix(name, load.List+"."+s.current().cfg.Process+".") {
			continue
		}
		err := r.control.Delete(ctx, name)
		r.checkAnswer("delete", err)
		if err == nil {
			r.mu.Lock()
			r.gone[name] = true
			r.mu.Unlock()
		}
	}
}

// storm is the time in which faults strike, and somebody looks at all jobs again and again.
func (r *Run) storm(beside func(context.Context, *Run)) {
	ctx, cancel := context.WithTimeout(r.t.Context(), r.For)
	defer cancel()
	var looks sync.WaitGroup
	looks.Go(func() { r.look(ctx) })
	looks.Go(func() { beside(ctx, r) })
	r.faults(ctx)
	looks.Wait()
	ctx, cancel = context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(r.t, r.heal(ctx))
}

// look looks at the states of all jobs, each time in one step.
func (r *Run) look(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.lookOnce(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (r *Run) lookOnce(ctx context.Context) (jobs int64, ok bool) {
	reply, err := r.System.Do(ctx, audit.LookCommand(r.wire(load.Set))...)
	if err != nil {
		return 0, false // it is away
	}
	return audit.Look(r.verdict, reply)
}

// calm has everybody finish what was begun, with nothing going wrong any more.
func (r *Run) calm() {
	r.all("stop", 60*time.Second)
	ctx, cancel := context.WithTimeout(r.t.Context(), r.Patience)
	defer cancel()
	jobs, err := r.control.Jobs(ctx, load.Set, load.JobConfig)
	require.NoError(r.t, err)
	var left string
	empty := func() bool {
		_, _ = jobs.RetryAll(ctx)
		n, looked := r.lookOnce(ctx)
		items, err := r.number(ctx, "HLEN", contract.Items.Of(r.wire(load.Queue)))
		left = fmt.Sprintf("%d jobs, %d items", n, items)
		return looked && err == nil && n == 0 && items == 0
	}
	r.eventually(ctx, "all ends: jobs end, queues run empty", empty, func() string { return left })
	r.fence(r.t.Context())
}

// all tells all living processes something.
func (r *Run) all(line string, patience time.Duration) {
	var told sync.WaitGroup
	for _, s := range r.slots {
		told.Go(func() {
			_, err := s.current().tell(line, patience)
			r.verdict.Check(err == nil, "processes obey", "%v", err)
		})
	}
	told.Wait()
}

// eventually waits until something is true.
func (r *Run) eventually(ctx context.Context, invariant string, holds func() bool, state func() string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.verdict.Check(false, invariant, "not within %v: %s", r.Patience, state())
			return
		}
	}
	r.verdict.Check(true, invariant, "")
}

// wire is how a name is written in keys.
func (r *Run) wire(name string) string { return r.System.Naming().Wire(name) }

func (r *Run) number(ctx context.Context, command ...string) (int64, error) {
	reply, err := r.System.Do(ctx, command...)
	n, _ := reply.(int64)
	return n, err
}

// operations is how many calls have begun or ended, halved.
func (r *Run) operations() (n int64) {
	for _, s := range r.slots {
		s.mu.Lock()
		for _, p := range s.processes {
			n += p.count.Records()
		}
		s.mu.Unlock()
	}
	return n / 2
}

// end closes the processes and audits.
func (r *Run) end() {
	r.all("close", 40*time.Second)
	lives := map[string]audit.Life{}
	h := &ledger.History{}
	for _, s := range r.slots {
		for _, p := range s.processes {
			select {
			case <-p.exited:
			case <-time.After(20 * time.Second):
				r.verdict.Check(false, "processes obey", "%s does not end", p.cfg.Process)
				p.kill()
			}
			r.verdict.Check(p.killed || p.err == nil, "processes end well", "%s: %v%s", p.cfg.Process, p.err, p.lastWords())
			life := audit.Life{Killed: p.killed}
			for _, x := range p.pauses {
				life.Pauses = append(life.Pauses, [2]int64{x.from, x.to})
			}
			lives[p.cfg.Process] = life
			require.NoError(r.t, h.Read(p.cfg.Process, p.cfg.Ledger))
		}
	}
	r.audit(h, lives)
}

func (r *Run) closeControl() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_ = r.control.Close(ctx) // closing twice is fine
}

// checkAnswer holds a call of ours to saying what happened.
func (r *Run) checkAnswer(call string, err error) {
	ok := err == nil || errors.Is(err, engine.ErrNotSent) || errors.Is(err, engine.ErrOutcomeUnknown) || errors.Is(err, engine.ErrNoSuchName) ||
		errors.Is(err, job.ErrNotFound)
	r.verdict.Check(ok, "errors say what happened", "%s: %v", call, err)
}
