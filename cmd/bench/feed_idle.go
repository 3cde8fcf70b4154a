package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
)

func init() {
	register(Scenario{
		Name:   "feed/idle",
		Doc:    "opens -feeds feeds and publishes once to each: what they hold while idle, and that they go away",
		NoRate: true,
		Flags: func(fs *pflag.FlagSet) {
			intFlag(fs, "feeds", 10_000, "feeds of feed/idle; by default a fifth of them if -d is below 2s")
		},
		Systems: map[string]System{report.Thoonk: idleFeedsThoonk},
	})
}

// warmFeeds are opened before anything is counted.
const warmFeeds = 64

// idleFeedsThoonk takes as long as it needs, whatever -d.
func idleFeedsThoonk(ctx context.Context, e *Env) (Result, error) {
	n := e.Int("feeds")
	if !e.set.Changed("feeds") && e.d < 2*time.Second {
		n /= 5
	}
	names := make([]string, warmFeeds+n)
	for i := range names {
		names[i] = e.Name()
	}
	// All have to be open before the first one goes.
	idleAfter := max(time.Second, time.Duration(n)*500*time.Microsecond)
	eng, err := e.EngineWith(ctx, engine.Config{IdleAfter: idleAfter})
	if err != nil {
		return Result{}, err
	}
	goroutines := settledGoroutines()
	next, actors := 0, 0
	var held memory
	var latency *load.Recorder
	figures := make(map[string]float64)
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, _ time.Duration) (int64, time.Duration, error) {
		latency = load.NewRecorder()
		count, warm := n, next == 0
		if warm {
			count = warmFeeds
		}
		start := time.Now()
		err := openFeeds(ctx, e, eng, names[next:next+count], latency)
		elapsed := time.Since(start)
		next += count
		now, open := inUse(), eng.Stats().Feeds.Actors
		if !warm && open > actors {
			figures["actors"] = float64(open)
			figures["bytes_per_actor"] = float64(now.total()-held.total()) / float64(open-actors)
			figures["stack_per_actor"] = float64(int64(now.stacks)-int64(held.stacks)) / float64(open-actors)
		}
		held, actors = now, open
		return int64(count), elapsed, err
	})
	if err != nil || r.Interrupted {
		return r, err
	}
	r.Latencies(latency.Histogram())
	for name, v := range figures {
		r.Set(name, v)
	}
	left := awaitIdle(ctx, eng, goroutines, 3*idleAfter+5*time.Second)
	r.Set("goroutines_left", float64(left))
	if err := same("the number of actors of idle feeds", int64(eng.Stats().Feeds.Actors), 0); err != nil {
		return r, err
	}
	return r, same("the number of goroutines left behind by idle feeds", int64(left), 0)
}

// openFeeds opens feeds and publishes to them, some at a time.
func openFeeds(ctx context.Context, e *Env, eng *engine.Engine, names []string, latency *load.Recorder) error {
	const workers = 64
	buffers := make(chan *load.Buffer, workers)
	for range workers {
		buffers <- latency.Buffer()
	}
	err := forAll(workers, len(names), func(i int) error {
		buffer := <-buffers
		defer func() { buffers <- buffer }()
		start := time.Now()
		f, err := eng.Feed(ctx, names[i], feed.Config{})
		if err == nil {
			_, err = f.Publish(ctx, e.payloads.at(i))
		}
		buffer.Record(time.Since(start))
		return err
	})
	for range workers {
		(<-buffers).Flush()
	}
	if err != nil {
		return fmt.Errorf("opening feeds: %w", err)
	}
	return nil
}

// settledGoroutines is how many there are when what was just opened or closed has come to rest.
func settledGoroutines() int {
	n, same := runtime.NumGoroutine(), 0
	for range 200 {
		time.Sleep(5 * time.Millisecond)
		if now := runtime.NumGoroutine(); now != n {
			n, same = now, 0
		} else if same++; same == 10 {
			break
		}
	}
	return n
}

// awaitIdle waits until no actor is left and there are no more goroutines than before. It returns how many more there
// are when it gives up.
func awaitIdle(ctx context.Context, eng *engine.Engine, before int, patience time.Duration) (left int) {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left = max(0, runtime.NumGoroutine()-before)
		if left == 0 && eng.Stats().Feeds.Actors == 0 || ctx.Err() != nil || time.Now().After(end) {
			return left
		}
	}
}
