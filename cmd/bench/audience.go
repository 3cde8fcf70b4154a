package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// An audience is the subscribers of one publisher: it counts what each was delivered and what each missed, which
// together must be what was published.
type audience struct {
	env       *Env
	perCall   int // items in a call of publish
	ahead     int64
	subs      []subscriber
	published atomic.Int64
	latency   *load.Recorder
	buffer    *load.Buffer // of subscriber 0
	sent      []atomic.Int64

	wait   sync.WaitGroup
	closes []func() error
	mu     sync.Mutex
	err    error
}

// subscriber is a whole cache line, since each has its own goroutine.
type subscriber struct {
	delivered, missed atomic.Int64
	_                 [48]byte
}

func (s *subscriber) seen() int64 { return s.delivered.Load() + s.missed.Load() }

// furthest bounds by how many items the publisher is ahead of the slowest subscriber: Redis cuts subscribers for whom it
// has to keep more than 8 MB for a minute.
const furthest = 16 << 10

func newAudience(e *Env) *audience {
	a := &audience{env: e, perCall: batchItems, subs: make([]subscriber, e.Int("subscribers"))}
	if e.rate > 0 {
		a.perCall = 1
	}
	a.ahead = max(batchItems, min(furthest, int64(4<<20)/int64(e.payloads.size+100)))
	a.sent = make([]atomic.Int64, 2*furthest)
	a.fresh()
	return a
}

// fresh forgets the latencies of the warm-up. It is called while nothing is under way.
func (a *audience) fresh() {
	a.latency = load.NewRecorder()
	a.buffer = a.latency.Buffer()
}

// join starts a subscriber's goroutine; end makes it return.
func (a *audience) join(follow func(), end func() error) {
	a.closes = append(a.closes, end)
	a.wait.Go(follow)
}

// leave ends the subscribers and waits for them.
func (a *audience) leave() error {
	var problems []error
	for _, end := range a.closes {
		problems = append(problems, end())
	}
	a.wait.Wait()
	return errors.Join(problems...)
}

// got counts a notice of subscriber i. The notices of one publisher come in order, so that the first subscriber can tell
// when this one was published.
func (a *audience) got(i int, n int64) {
	s := &a.subs[i]
	if i == 0 {
		at := a.sent[s.seen()%int64(len(a.sent))].Load()
		a.buffer.Record(time.Duration(time.Now().UnixNano() - at))
	}
	s.delivered.Add(n)
}

func (a *audience) missed(i int, n int64) { a.subs[i].missed.Add(n) }

func (a *audience) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
	}
}

func (a *audience) failed() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// measure lets one publisher publish, a.perCall items from payload n on in each call, until the time is over, and waits
// until everybody has seen everything.
func (a *audience) measure(ctx context.Context, publish func(ctx context.Context, n int) error) (Result, error) {
	call := func(ctx context.Context, _, n int) error {
		if err := a.until(ctx, a.ahead-int64(a.perCall)); err != nil {
			return err
		}
		now, seq := time.Now().UnixNano(), a.published.Load()
		for i := range int64(a.perCall) {
			a.sent[(seq+i)%int64(len(a.sent))].Store(now)
		}
		a.published.Add(int64(a.perCall))
		return publish(ctx, n*a.perCall)
	}
	var published, delivered, missed, late int64
	r, err := a.env.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		a.fresh()
		p, got, lost := a.published.Load(), a.sum(delivers), a.sum(misses)
		start := time.Now()
		var stats load.Stats
		var err error
		if a.env.rate > 0 {
			stats, err = load.Open(ctx, 1, a.env.rate, d, call)
		} else {
			stats, err = load.Closed(ctx, 1, d, call)
		}
		if err == nil {
			err = a.until(context.WithoutCancel(ctx), 0)
		}
		published, delivered, missed, late = a.published.Load()-p, a.sum(delivers)-got, a.sum(misses)-lost, stats.Late
		return delivered, time.Since(start), err
	})
	if err != nil {
		return r, err
	}
	a.buffer.Flush()
	r.Latencies(a.latency.Histogram())
	r.Set("subscribers", float64(len(a.subs)))
	r.Set("published", float64(published))
	r.Set("lagged", float64(missed))
	if a.env.rate > 0 {
		r.Rate = report.Of(a.env.rate)
		r.Set("late", float64(late))
	}
	return r, same("delivered + lagged", delivered+missed, published*int64(len(a.subs)))
}

func delivers(s *subscriber) int64 { return s.delivered.Load() }
func misses(s *subscriber) int64   { return s.missed.Load() }

func (a *audience) sum(of func(*subscriber) int64) (n int64) {
	for i := range a.subs {
		n += of(&a.subs[i])
	}
	return n
}

// until waits until every subscriber has all but the last behind items. That nothing moves for ten seconds, or that
// somebody has more than there is, is an error.
func (a *audience) until(ctx context.Context, behind int64) error {
	const patience = 10 * time.Second
	last, since := int64(-1), time.Now()
	for {
		published, slowest := a.published.Load(), int64(0)
		for i := range a.subs {
			seen := a.subs[i].seen()
			slowest = max(slowest, published-seen)
			if seen > published {
				return fmt.Errorf("WRONG RESULT: subscriber %d was told of %d items, there are %d", i, seen, published)
			}
		}
		if slowest <= behind {
			return nil
		}
		if err := errors.Join(a.failed(), context.Cause(ctx)); err != nil {
			return err
		}
		if slowest != last {
			last, since = slowest, time.Now()
		} else if time.Since(since) > patience {
			return fmt.Errorf("WRONG RESULT: a subscriber still lacks %d of %d items after %v", slowest, published, patience)
		}
		time.Sleep(100 * time.Microsecond)
	}
}
