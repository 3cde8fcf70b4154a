package main

import (
	"context"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
)

// What scenarios of job sets are on a peer.

func putOnPeer(perCall int) peerRun {
	return func(ctx context.Context, e *Env, q *peerQueue) (Result, error) {
		put := driver.Request{Do: driver.Put, PerCall: perCall, Rate: e.rate}
		r, err := q.measure(ctx, put, put)
		r.Callers = e.callers
		if err != nil {
			return r, err
		}
		return r, q.check(ctx, r.Total)
	}
}

// peerPerS is how many jobs are filled in for each second of a run: more than a peer has ever run, so that there are some
// until the time is over.
const peerPerS = 50_000

func drainOnPeer(ctx context.Context, e *Env, q *peerQueue) (Result, error) {
	takes := e.d + max(warmUp(e.d), peerWarmUp)
	jobs := max(1000, min(int64(takes.Seconds()*peerPerS), drainItems, drainBytes/int64(e.payloads.size+1)))
	if _, err := q.Ask(ctx, driver.Request{Do: driver.Fill, Jobs: jobs}); err != nil {
		return Result{}, err
	}
	if err := q.check(ctx, jobs); err != nil {
		return Result{}, err
	}
	run := driver.Request{Do: driver.Run}
	r, err := q.measure(ctx, run, run)
	r.Callers = e.Int("workers")
	if err != nil {
		return r, err
	}
	end, err := q.Ask(ctx, driver.Request{Do: driver.End}) // each of those that have run has done so once
	if err != nil {
		return r, err
	}
	return r, q.check(ctx, jobs-end.Ops)
}

func pickUpOnPeer(ctx context.Context, e *Env, q *peerQueue) (Result, error) {
	ask := driver.Request{Do: driver.PickUp, Pause: e.pauses()}
	return q.unhurried(ctx, ask, ask)
}

func delayedOnPeer(ctx context.Context, e *Env, q *peerQueue) (Result, error) {
	short := driver.Request{Do: driver.Delayed, Pause: e.pauses(), Delay: [2]float64{shortDelay.Seconds(), 2 * shortDelay.Seconds()}}
	long := short
	long.Delay[1] = longDelay.Seconds()
	return q.unhurried(ctx, short, long)
}

// unhurried measures with pauses between puts: the throughput says nothing.
func (q *peerQueue) unhurried(ctx context.Context, warm, ask driver.Request) (Result, error) {
	r, err := q.measure(ctx, warm, ask)
	r.CPU = nil // mostly of waiting
	if err != nil {
		return r, err
	}
	r.Rate = q.env.pauseRate()
	return r, q.check(ctx, 0)
}
