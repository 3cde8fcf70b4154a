package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
)

// A failoverLedger is what the writers were told, and when each queue last took an item.
type failoverLedger struct {
	ledger
	latency *load.Recorder
	last    [failoverNames]time.Time
	gap     time.Duration // the longest without a success on a queue
}

// write has the writers put until end is called.
func (l *failoverLedger) write(e *Env, put putter) (end func()) {
	l.mu.Lock()
	clear(l.last[:])
	l.gap, l.latency = 0, load.NewRecorder() // the warm-up does not count
	l.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for w := range failoverWriters {
		writers.Go(func() {
			lat := l.latency.Buffer()
			defer lat.Flush()
			for n := 0; ctx.Err() == nil; n++ {
				begun := time.Now()
				call, done := context.WithTimeout(context.Background(), failoverCall)
				id, err := put(call, w, w%failoverNames, e.payloads.at(spread(w, n)))
				done()
				took := time.Since(begun)
				l.note(id, err, took)
				if err == nil {
					lat.Record(took)
					l.succeeded(w % failoverNames)
				}
				wait(ctx, failoverPause)
			}
		})
	}
	return func() {
		cancel()
		writers.Wait()
		for q := range l.last {
			l.gapUntilNow(q) // one that did not come back has no success that would end its gap
		}
	}
}

func (l *failoverLedger) gapUntilNow(q int) {
	if !l.last[q].IsZero() {
		l.gap = max(l.gap, time.Since(l.last[q]))
	}
}

func (l *failoverLedger) succeeded(q int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gapUntilNow(q)
	l.last[q] = time.Now()
}

// strike takes the primary away after d, and brings it back d after all queues work again. It does so in any case: calls may
// wait for a server that is stopped for as long as it is.
func (l *failoverLedger) strike(ctx context.Context, f *failing, d time.Duration) error {
	wait(ctx, d)
	if ctx.Err() != nil {
		return nil
	}
	soon, cancel := context.WithTimeout(ctx, failoverWait)
	defer cancel()
	err := f.down(soon)
	if err == nil {
		l.awaitAll(ctx, time.Now())
		wait(ctx, d)
	} else if ctx.Err() == nil {
		err = fmt.Errorf("no other node has taken over: %w", err)
	}
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), failoverWait)
	defer cancel()
	if err := errors.Join(err, f.up(back)); err != nil {
		return err
	}
	wait(ctx, d)
	l.awaitAll(ctx, time.Now())
	return nil
}

// awaitAll waits until each queue has taken an item since then, or failoverWait has passed: the figures tell.
func (l *failoverLedger) awaitAll(ctx context.Context, since time.Time) {
	for ctx.Err() == nil && time.Since(since) < failoverWait {
		l.mu.Lock()
		all := true
		for _, last := range l.last {
			all = all && last.After(since)
		}
		l.mu.Unlock()
		if all {
			return
		}
		wait(ctx, 10*time.Millisecond)
	}
}

// audit looks, once all is well again, which of the acknowledged items are there. Redis does not promise that they are:
// replication is asynchronous.
func (l *failoverLedger) audit(ctx context.Context, f *failing, queues []*queue.Queue, r *Result) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := f.healthy(ctx); err != nil {
		return err
	}
	stored := make(map[string]bool)
	for _, q := range queues {
		ids, err := q.IDs(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			stored[id] = true
		}
	}
	lost := 0
	for _, id := range l.acknowledged {
		if !stored[id] {
			lost++
		}
	}
	r.Latencies(l.latency.Histogram())
	l.tell(r)
	r.Set("gap_ms", float64(l.gap)/float64(time.Millisecond))
	r.Set("lost", float64(lost))
	if len(l.acknowledged) == 0 {
		return errors.New("WRONG RESULT: nothing was acknowledged")
	}
	return nil
}
