package load

import (
	"context"
	"math"
	"time"
)

// pause is Sleep, but for tests, whose time is not the system's.
var pause = Sleep

// Open makes rate calls per second, evenly spaced, until d has passed or ctx ends. At most callers run at once; a call
// that finds none free waits, and its latency, which is timed from when it was due, shows it. Calls that had not even
// begun at the end are counted in Stats.Late: with more than a few of them the rate is above what the system can do,
// and the percentiles are those of the lucky ones.
func Open(ctx context.Context, callers int, rate float64, d time.Duration, call Call) (Stats, error) {
	r := newRun(ctx)
	defer r.release()
	due := make(chan time.Time, callers)
	start := time.Now()
	for caller := range callers {
		r.wait.Go(func() {
			lat := r.latency.Buffer()
			defer lat.Flush()
			n := 0
			defer func() { r.calls.Add(int64(n)) }()
			for t := range due {
				if r.stop.Load() {
					continue // until the channel is closed
				}
				if err := call(r.ctx, caller, n); err != nil {
					r.fail(err)
					continue
				}
				n++
				lat.Record(time.Since(t))
			}
		})
	}
	late := r.pace(start, rate, d, due)
	s, err := r.finish(start)
	s.Late = late
	return s, err
}

// pace hands out the times at which calls are due, when they are, and closes due at the end. It returns how many were
// due and not taken.
func (r *run) pace(start time.Time, rate float64, d time.Duration, due chan<- time.Time) (late int64) {
	defer close(due)
	at := func(i int64) time.Time { return start.Add(time.Duration(float64(i) / rate * float64(time.Second))) }
	end := start.Add(d)
	last := time.NewTimer(d)
	defer last.Stop()
	for i := int64(0); at(i).Before(end) && !r.stop.Load(); i++ {
		for wait := time.Until(at(i)); wait > 0 && !r.stop.Load(); wait = time.Until(at(i)) {
			pause(min(wait, 50*time.Millisecond)) // short, to notice an interrupt
		}
		select {
		case due <- at(i):
			continue // also when the last pause was too long, and the time is over: callers are free
		default:
		}
		select {
		case due <- at(i):
		case <-last.C:
			return int64(math.Ceil(d.Seconds()*rate)) - i
		}
	}
	return 0
}
