package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Call is one call of one caller: n counts that caller's calls from 0. The context outlives an interrupt by Grace, so
// that calls under way are answered and the counts are exact.
type Call func(ctx context.Context, caller, n int) error

// ErrDone is what a call returns when there is nothing left to do. It ends the loop, is no error, and the call does not
// count.
var ErrDone = errors.New("load: nothing left to do")

// Stats is what a loop did.
type Stats struct {
	Calls   int64         // that came back without an error
	Elapsed time.Duration // until the last one came back
	Late    int64         // of an open loop: were due, and never begun
	Latency *hdrhistogram.Histogram
}

// Grace is how long calls may still take after an interrupt.
const Grace = 2 * time.Second

// Closed calls from callers goroutines until d has passed or ctx ends, then waits for the calls under way. The first
// error of a call ends it and is returned.
func Closed(ctx context.Context, callers int, d time.Duration, call Call) (Stats, error) {
	r := newRun(ctx)
	defer r.release()
	start := time.Now()
	end := start.Add(d)
	for caller := range callers {
		r.wait.Go(func() {
			lat := r.latency.Buffer()
			defer lat.Flush()
			// A context of its own, as requests have: one that all share is a lock
			// that all share.
			ctx, cancel := context.WithCancel(r.ctx)
			defer cancel()
			n := 0
			defer func() { r.calls.Add(int64(n)) }()
			for t := time.Now(); t.Before(end) && !r.stop.Load(); n++ {
				if err := call(ctx, caller, n); err != nil {
					r.fail(err)
					return
				}
				now := time.Now()
				lat.Record(now.Sub(t))
				t = now
			}
		})
	}
	return r.finish(start)
}

// A run is what both loops share.
type run struct {
	ctx     context.Context // of the calls
	stop    atomic.Bool
	release func()
	wait    sync.WaitGroup
	calls   atomic.Int64
	latency *Recorder

	once sync.Once
	err  error
}

func newRun(ctx context.Context) *run {
	r := &run{latency: NewRecorder()}
	calls, cancel := WithGrace(ctx)
	stopped := context.AfterFunc(ctx, func() { r.stop.Store(true) })
	r.ctx, r.release = calls, func() { stopped(); cancel() }
	return r
}

func (r *run) fail(err error) {
	if !errors.Is(err, ErrDone) {
		r.once.Do(func() { r.err = err })
	}
	r.stop.Store(true)
}

func (r *run) finish(start time.Time) (Stats, error) {
	r.wait.Wait()
	s := Stats{Calls: r.calls.Load(), Elapsed: time.Since(start), Latency: r.latency.Histogram()}
	return s, r.err
}

// WithGrace returns a context that ends Grace after ctx does.
func WithGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var timer atomic.Pointer[time.Timer]
	stop := context.AfterFunc(ctx, func() {
		timer.Store(time.AfterFunc(Grace, func() { cancel(context.Cause(ctx)) }))
	})
	return late, func() {
		stop()
		if t := timer.Load(); t != nil {
			t.Stop()
		}
		cancel(context.Canceled)
	}
}
