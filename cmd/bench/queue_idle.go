package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
)

// leastCount is for how many seconds to count commands at least: a blocking pop takes 5 s, and a shorter time may have none.
const leastCount = 5

func init() {
	register(Scenario{
		Name:   "queue/idle",
		Doc:    "an engine with a getter on each of -queues empty queues: what waiting costs; then a put wakes each of them",
		NoRate: true,
		Flags: func(fs *pflag.FlagSet) {
			intFlag(fs, "queues", 1000, "queues of queue/idle")
		},
		Systems: map[string]System{report.Thoonk: idleThoonk},
	})
}

// An idler is an engine with getters that wait, one on each queue.
type idler struct {
	e      *Env
	eng    *engine.Engine
	queues []*queue.Queue // another engine's, to put
	got    chan error     // of each getter that has its item
	putAt  []time.Time    // written before the put
	mu     sync.Mutex
	buffer *load.Buffer
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

func idleThoonk(ctx context.Context, e *Env) (Result, error) {
	n := e.Int("queues")
	w := &idler{e: e, queues: make([]*queue.Queue, n), got: make(chan error, n), putAt: make([]time.Time, n)}
	for range n {
		e.leaves = append(e.leaves, e.Name())
	}
	goroutines, memory, connections := runtime.NumGoroutine(), inUse(), e.srv.connections()
	var err error
	if w.eng, err = e.Engine(ctx); err != nil {
		return Result{}, err
	}
	if err := w.begin(ctx); err != nil {
		return Result{}, err
	}
	defer w.end()
	if err := w.settled(ctx); err != nil {
		return Result{}, err
	}
	latency := load.NewRecorder()
	w.buffer = latency.Buffer()
	figures := make(map[string]float64)
	figures["connections"] = float64(e.srv.connections() - connections)
	figures["goroutines_per_queue"] = float64(runtime.NumGoroutine()-goroutines) / float64(n)
	figures["bytes_per_queue"] = float64(inUse().total()-memory.total()) / float64(n)

	waited := false
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		before, start := e.srv.commands(), time.Now()
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
		if !waited { // the warm-up
			waited = true
			return 0, d, nil
		}
		if after, s := e.srv.commands(), time.Since(start).Seconds(); before != nil && after != nil && s >= leastCount {
			figures["commands_per_s"] = float64(fromClients(before, after)) / s
		}
		if err := w.putters(ctx); err != nil {
			return 0, 0, err
		}
		begin := time.Now()
		ops, err := w.wakeAll(ctx)
		return ops, time.Since(begin), err
	})
	if err != nil {
		return r, err
	}
	w.buffer.Flush()
	r.Latencies(latency.Histogram())
	r.Callers = n
	for name, v := range figures {
		r.Set(name, v)
	}
	return r, nil
}

// begin starts a getter for each queue.
func (w *idler) begin(ctx context.Context) error {
	waits, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	return forAll(16, len(w.queues), func(i int) error {
		q, err := w.eng.Queue(ctx, w.e.names[i], queue.Config{})
		if err != nil {
			return err
		}
		w.wait.Go(func() {
			it, err := q.Get(waits)
			if err == nil && string(it.Body) != q.Name() {
				err = errWrongItem
			}
			if err == nil {
				took := time.Since(w.putAt[i])
				w.mu.Lock()
				w.buffer.Record(took)
				w.mu.Unlock()
			}
			w.got <- err
		})
		return nil
	})
}

func (w *idler) end() {
	w.cancel()
	w.wait.Wait()
}

// settled waits until every getter waits and nothing is sent any more on their behalf.
func (w *idler) settled(ctx context.Context) error {
	const quiet, patience = 200 * time.Millisecond, 20 * time.Second
	last, since, start := uint64(0), time.Now(), time.Now()
	for {
		s := w.eng.Stats().Waker
		if s.Names < len(w.queues) || s.Pops != last {
			last, since = s.Pops, time.Now()
		}
		if time.Since(since) > quiet {
			return nil
		}
		if time.Since(start) > patience {
			return fmt.Errorf("WRONG RESULT: of %d getters %d wait after %v, %d pops were sent", len(w.queues), s.Names, patience, s.Pops)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// putters opens the queues in another engine.
func (w *idler) putters(ctx context.Context) error {
	eng, err := w.e.engine(ctx, engine.Config{})
	if err != nil {
		return err
	}
	return forAll(16, len(w.queues), func(i int) (err error) {
		w.queues[i], err = eng.Queue(ctx, w.e.names[i], queue.Config{})
		return err
	})
}

// wakeAll puts an item into each queue, one after the other, and waits until its getter has it.
func (w *idler) wakeAll(ctx context.Context) (ops int64, err error) {
	for i, q := range w.queues {
		if ctx.Err() != nil {
			return ops, nil
		}
		w.putAt[i] = time.Now()
		if _, err := q.Put(context.WithoutCancel(ctx), []byte(q.Name())); err != nil {
			return ops, err
		}
		select {
		case err := <-w.got:
			if err != nil {
				return ops, err
			}
			ops++
		case <-time.After(10 * time.Second):
			return ops, errNotWoken
		}
	}
	return ops, nil
}

// fromClients is how many commands clients have sent between two counts, while nothing was put or taken. The server
// counts what scripts call as well. While all getters wait only the scripts run that look for lost items: all they call
// are reads, and nobody sends these reads but scripts. Our own INFO is left out. The control engine's ping, one
// in 15 seconds, is included.
func fromClients(before, after map[string]int64) (n int64) {
	for name := range after {
		switch name {
		case "info", "hget", "hlen", "llen":
		default:
			n += since(before, after, name)
		}
	}
	return n
}
