package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
)

func init() {
	register(Scenario{
		Name:    "queue/wakeone",
		Doc:     "8 engines wait on one queue, 100 puts a second, 1,000 at most: how many of them a put wakes",
		NoRate:  true,
		Systems: map[string]System{report.Thoonk: wakeOneThoonk},
	})
}

const (
	waitingEngines = 8
	putsPerSecond  = 100
	mostPuts       = 1000
)

// A wakeOne counts which items were taken; the body of an item is its number.
type wakeOne struct {
	mu     sync.Mutex
	cond   sync.Cond
	putAt  []time.Time
	taken  []int // times
	total  int
	buffer *load.Buffer
	err    error
}

func wakeOneThoonk(ctx context.Context, e *Env) (Result, error) {
	q, err := newQueue(ctx, e) // the control engine puts
	if err != nil {
		return Result{}, err
	}
	w := &wakeOne{}
	w.cond.L = &w.mu
	waits, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	for range waitingEngines {
		eng, err := e.EngineWith(ctx, engine.Config{Connections: 1})
		if err != nil {
			return Result{}, err
		}
		theirs, err := eng.Queue(ctx, q.Name(), queue.Config{})
		if err != nil {
			return Result{}, err
		}
		wait.Go(func() { w.getAll(waits, theirs) })
	}

	var latency *load.Recorder
	figures := make(map[string]float64)
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		latency = load.NewRecorder()
		w.mu.Lock()
		w.buffer = latency.Buffer()
		w.mu.Unlock()
		before, start := e.srv.commands(), time.Now()
		ops, err := w.putAll(ctx, q, d)
		elapsed := time.Since(start)
		if after := e.srv.commands(); ops > 0 && before != nil && after != nil {
			// Each put is a script of its own: its caller waits for it.
			scripts := since(before, after, "evalsha", "eval") - ops
			figures["takes_per_put"] = float64(scripts) / float64(ops)
			figures["pops_per_put"] = float64(since(before, after, "brpop")) / float64(ops)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.buffer.Flush()
		return ops, elapsed, err
	})
	if err != nil {
		return r, err
	}
	r.Callers, r.Rate = waitingEngines, report.Of(putsPerSecond)
	r.Latencies(latency.Histogram())
	for name, v := range figures {
		r.Set(name, v)
	}
	for i, times := range w.taken {
		if times != 1 {
			return r, fmt.Errorf("WRONG RESULT: item %d was taken %d times", i, times)
		}
	}
	return r, checkQueue(ctx, e, q, 0)
}

// getAll takes until ctx ends.
func (w *wakeOne) getAll(ctx context.Context, q *queue.Queue) {
	for {
		it, err := q.Get(ctx)
		now := time.Now()
		if ctx.Err() != nil && err != nil {
			return
		}
		i, bad := strconv.Atoi(string(it.Body))
		w.mu.Lock()
		if err = errors.Join(err, bad); err == nil && i < len(w.putAt) {
			w.taken[i]++
			w.total++
			w.buffer.Record(now.Sub(w.putAt[i]))
		} else if w.err == nil {
			w.err = errors.Join(err, errWrongItem)
		}
		failed := w.err
		w.cond.Broadcast()
		w.mu.Unlock()
		if failed != nil {
			return
		}
	}
}

// putAll puts at a fixed rate for d, and waits until everything was taken.
func (w *wakeOne) putAll(ctx context.Context, q *queue.Queue, d time.Duration) (ops int64, err error) {
	start := time.Now()
	for ; ops < mostPuts && ctx.Err() == nil; ops++ {
		due := start.Add(time.Duration(ops) * time.Second / putsPerSecond)
		if ops > 0 && due.Sub(start) >= d {
			break
		}
		time.Sleep(time.Until(due))
		w.mu.Lock()
		i := len(w.putAt)
		w.putAt, w.taken = append(w.putAt, time.Now()), append(w.taken, 0)
		w.mu.Unlock()
		if _, err := q.Put(context.WithoutCancel(ctx), []byte(strconv.Itoa(i))); err != nil {
			return ops, err
		}
	}
	late := time.AfterFunc(10*time.Second, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = errNotWoken
		w.cond.Broadcast()
	})
	defer late.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.total < len(w.putAt) && w.err == nil {
		w.cond.Wait()
	}
	return ops, w.err
}
