package job

import (
	"context"
	"errors"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/pool"
)

// Stats are the numbers of a job set: those of Redis, and what this engine's
// handler has done since the engine was opened.
type Stats struct {
	Counts

	Running int    // handlers that run now
	Started uint64 // handlers
	Ended   uint64 // handlers that returned, finished or not
	Failed  uint64 // those that returned an error or panicked
	Panics  uint64
	Stalled uint64 // jobs that were put aside because of what their handler returned
	Lost    uint64 // claims that were gone when their handler had returned
	Stuck   uint64 // handlers reported for not returning after their context had ended

	// FinishedHere counts jobs that this engine's handler has finished, Rate those
	// of the last ten seconds, in jobs a second.
	FinishedHere uint64
	Rate         float64

	// Wait is from the put of a job to the start of its handler, Run the time that
	// handlers took.
	Wait, Run Histogram
}

// A Histogram counts durations by their order of magnitude: element i has those
// below 2^i microseconds, and not below half of that.
type Histogram [40]uint64

// Quantile is an upper bound, within a factor of two, of the time that the fraction
// q of all did not exceed. 0 if there are none.
func (h Histogram) Quantile(q float64) time.Duration {
	var total, sum uint64
	for _, n := range h {
		total += n
	}
	for i, n := range h {
		if sum += n; total > 0 && float64(sum) >= q*float64(total) {
			return time.Microsecond << i
		}
	}
	return 0
}

// Stats reads the numbers of the job set.
func (j *Jobs) Stats(ctx context.Context) (Stats, error) {
	c, err := j.Counts(ctx)
	m := j.kind.meter(j.Name())
	s := Stats{
		Counts:       c,
		Running:      int(m.running.Load()),
		Started:      m.started.Load(),
		Ended:        m.returned.Load(),
		Failed:       m.failed.Load(),
		Panics:       m.panics.Load(),
		Stalled:      m.stalled.Load(),
		Lost:         m.lost.Load(),
		Stuck:        m.stuck.Load(),
		FinishedHere: m.finished.total.Load(),
		Rate:         m.finished.rate(),
		Wait:         m.wait.load(),
		Run:          m.run.load(),
	}
	return s, err
}

// A meter counts what the handler of one job set does.
type meter struct {
	running                                                 atomic.Int64
	started, returned, failed, panics, stalled, lost, stuck atomic.Uint64
	finished                                                rate
	wait, run                                               histogram
}

func (k *Kind) meter(name string) *meter {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.meters[name]
	if m == nil {
		m = new(meter)
		k.meters[name] = m
	}
	return m
}

func (m *meter) began(c *Claim) {
	m.running.Add(1)
	m.started.Add(1)
	m.wait.count(c.Claimed.Sub(c.Put))
}

func (m *meter) ended(took time.Duration, err error) {
	m.running.Add(-1)
	m.returned.Add(1)
	m.run.count(took)
	if err == nil {
		return
	}
	var p *pool.PanicError
	if errors.As(err, &p) {
		m.panics.Add(1)
	}
	m.failed.Add(1)
}

type histogram [40]atomic.Uint64

func (h *histogram) count(d time.Duration) {
	h[min(bits.Len64(uint64(max(d.Microseconds(), 0))), len(h)-1)].Add(1)
}

func (h *histogram) load() (l Histogram) {
	for i := range h {
		l[i] = h[i].Load()
	}
	return l
}

// A rate counts events, and those of the last ten seconds.
type rate struct {
	total atomic.Uint64

	mu      sync.Mutex
	seconds [10]struct {
		at int64 // Unix seconds
		n  uint64
	}
}

func (r *rate) count(n uint64) {
	r.total.Add(n)
	now := time.Now().Unix()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.seconds[now%int64(len(r.seconds))]
	if s.at != now {
		s.at, s.n = now, 0
	}
	s.n += n
}

func (r *rate) rate() float64 {
	now := time.Now().Unix()
	r.mu.Lock()
	defer r.mu.Unlock()
	var n uint64
	for _, s := range r.seconds {
		if s.at > now-int64(len(r.seconds)) {
			n += s.n
		}
	}
	return float64(n) / float64(len(r.seconds))
}
