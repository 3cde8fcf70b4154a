package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// meanPause is the mean pause between puts: long enough for the getter to be waiting again.
const meanPause = 5 * time.Millisecond

// bounds of pauses, which are exponential otherwise: a fifth of the mean and four times the mean leave the mean what it is.
func bounds(mean time.Duration) (shortest, longest time.Duration) { return mean / 5, 4 * mean }

func pause(random *rand.Rand, mean time.Duration) time.Duration {
	shortest, longest := bounds(mean)
	return max(shortest, min(longest, time.Duration(random.ExpFloat64()*float64(mean))))
}

// meanPause is 5 ms, or 1/-rate.
func (e *Env) meanPause() time.Duration {
	if e.rate > 0 {
		return time.Duration(float64(time.Second) / e.rate)
	}
	return meanPause
}

// pauseRate is how many puts there are per second, as a result has it.
func (e *Env) pauseRate() *float64 { return report.Of(float64(time.Second) / float64(e.meanPause())) }

// pauses are the mean, the shortest and the longest one in seconds, as peers are told.
func (e *Env) pauses() [3]float64 {
	shortest, longest := bounds(e.meanPause())
	return [3]float64{e.meanPause().Seconds(), shortest.Seconds(), longest.Seconds()}
}

// errNotWoken is what becomes of an item that nobody picks up.
var errNotWoken = errors.New("WRONG RESULT: an item was put and the waiting getter did not get it")

// pickUp measures how long it takes from the moment before put is called until get, which waits, has returned. Puts
// are made at random moments; with -rate the mean of the pauses is other than 5 ms.
func pickUp(ctx context.Context, e *Env, put func(ctx context.Context, body []byte) error, get func(ctx context.Context) ([]byte, error)) (Result, error) {
	mean := e.meanPause()
	type pickedUp struct {
		body []byte
		at   time.Time
		err  error
	}
	waits, cancel := context.WithCancel(context.WithoutCancel(ctx))
	got, ended := make(chan pickedUp, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for waits.Err() == nil {
			body, err := get(waits)
			got <- pickedUp{body, time.Now(), err}
		}
	}()
	defer func() {
		cancel()
		select {
		case <-got: // it may have to get rid of its last one
		case <-ended:
		}
		<-ended
	}()

	random := rand.New(rand.NewPCG(3, 4))
	n := 0
	var latency *load.Recorder
	one := func(buffer *load.Buffer) error {
		wait(ctx, pause(random, mean))
		body := e.payloads.at(n)
		n++
		start := time.Now()
		if err := put(context.WithoutCancel(ctx), body); err != nil {
			return err
		}
		select {
		case p := <-got:
			if p.err != nil {
				return p.err
			}
			if !bytes.Equal(p.body, body) {
				return errWrongItem
			}
			buffer.Record(p.at.Sub(start))
			return nil
		case <-time.After(10 * time.Second):
			return errNotWoken
		}
	}
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (ops int64, elapsed time.Duration, err error) {
		latency = load.NewRecorder()
		buffer := latency.Buffer()
		defer buffer.Flush()
		start := time.Now()
		for (ops == 0 || time.Since(start) < d) && ctx.Err() == nil && err == nil {
			if err = one(buffer); err == nil {
				ops++
			}
		}
		return ops, time.Since(start), err
	})
	if err != nil {
		return r, err
	}
	r.Rate = e.pauseRate() // its throughput says nothing
	r.Latencies(latency.Histogram())
	return r, nil
}
