package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
)

// pause sleeps as long as the request has pauses.
func pause(r driver.Request, random *rand.Rand) {
	mean, shortest, longest := r.Pause[0], r.Pause[1], r.Pause[2]
	time.Sleep(driver.Seconds(max(shortest, min(longest, random.ExpFloat64()*mean))))
}

// pickUp measures from the call of Enqueue until the handler of an idle server begins.
func (b *bench) pickUp(ctx context.Context, r driver.Request) (driver.Reply, error) {
	begun := make(chan string, 1)
	err := b.serve(1, func(_ context.Context, t *asynq.Task) error {
		begun <- string(t.Payload())
		return nil
	})
	if err != nil {
		return driver.Reply{}, err
	}
	defer b.shutdown()
	random, latency := rand.New(rand.NewPCG(3, 4)), load.NewRecorder()
	buffer := latency.Buffer()
	start, ops := time.Now(), 0
	for ops == 0 || time.Since(start).Seconds() < r.Seconds {
		pause(r, random)
		put := time.Now()
		if err := b.enqueue(ctx, b.client, ops); err != nil {
			return driver.Reply{}, err
		}
		select {
		case payload := <-begun:
			buffer.Record(time.Since(put))
			if payload != b.Payloads[ops%len(b.Payloads)] {
				return driver.Reply{}, errors.New("WRONG RESULT: a task is not what was put")
			}
			ops++
		case <-time.After(10 * time.Second):
			return driver.Reply{}, errors.New("WRONG RESULT: a task was put and nobody ran it")
		}
	}
	buffer.Flush()
	reply := driver.Reply{Ops: int64(ops), Seconds: time.Since(start).Seconds()}
	return driver.Latencies(reply, latency.Histogram()), nil
}

// A clock keeps when tasks are due, and how late each was.
type clock struct {
	mu       sync.Mutex
	due      map[string]time.Time // of those that have not run
	buffer   *load.Buffer
	early    int64
	earliest time.Duration
	wrong    int
	none     chan struct{} // told when the last one has run
}

// delayed measures by how much tasks start late. asynq keeps whole seconds, rounded down: many start early, which is
// counted, and counts as on time.
func (b *bench) delayed(ctx context.Context, r driver.Request) (driver.Reply, error) {
	latency := load.NewRecorder()
	c := &clock{due: make(map[string]time.Time), buffer: latency.Buffer(), none: make(chan struct{}, 1)}
	if err := b.serve(b.Workers, c.handle); err != nil {
		return driver.Reply{}, err
	}
	defer b.shutdown()
	random := rand.New(rand.NewPCG(5, 6))
	start, ops := time.Now(), 0
	for ; ops == 0 || time.Since(start).Seconds() < r.Seconds; ops++ {
		pause(r, random)
		id := strconv.Itoa(ops)
		delay := driver.Seconds(r.Delay[0] + random.Float64()*(r.Delay[1]-r.Delay[0])).Truncate(time.Millisecond)
		c.mu.Lock()
		c.due[id] = time.Now().Add(delay)
		c.mu.Unlock()
		if err := b.enqueue(ctx, b.client, ops, asynq.TaskID(id), asynq.ProcessIn(delay)); err != nil {
			return driver.Reply{}, err
		}
	}
	if err := c.wait(driver.Seconds(r.Delay[1]) + 10*time.Second); err != nil {
		return driver.Reply{}, err
	}
	c.buffer.Flush()
	reply := driver.Reply{Ops: int64(ops), Seconds: time.Since(start).Seconds(), Early: c.early, Earliest: c.earliest.Seconds() * 1e3}
	return driver.Latencies(reply, latency.Histogram()), nil
}

func (c *clock) handle(_ context.Context, t *asynq.Task) error {
	now, id := time.Now(), t.ResultWriter().TaskID()
	c.mu.Lock()
	defer c.mu.Unlock()
	due, ok := c.due[id]
	if !ok {
		c.wrong++
		return nil
	}
	delete(c.due, id)
	late := now.Sub(due)
	if late < -time.Millisecond {
		c.early++
		c.earliest = max(c.earliest, -late)
	}
	c.buffer.Record(max(late, time.Microsecond))
	if len(c.due) == 0 {
		select {
		case c.none <- struct{}{}:
		default:
		}
	}
	return nil
}

// wait waits until every task has run.
func (c *clock) wait(patience time.Duration) error {
	enough := time.After(patience)
	for {
		c.mu.Lock()
		left, wrong := len(c.due), c.wrong
		c.mu.Unlock()
		switch {
		case wrong > 0:
			return errors.New("WRONG RESULT: a delayed task was run twice")
		case left == 0:
			return nil
		}
		select {
		case <-c.none:
		case <-enough:
			return errors.New("WRONG RESULT: delayed tasks were not run")
		}
	}
}
