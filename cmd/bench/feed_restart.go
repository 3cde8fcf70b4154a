package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
)

func init() {
	register(Scenario{
		Name:    "feed/restart",
		Doc:     "64 callers publish to a redis-server that is killed meanwhile and comes back after 2s; nothing acknowledged is lost",
		NoRate:  true,
		Private: true,
		Systems: map[string]System{report.Thoonk: restartThoonk},
	})
}

const restartCallers = 64

// downTime is how long the server is away, or as long as a run if that is shorter.
const downTime = 2 * time.Second

// A ledger is what callers were told.
type ledger struct {
	mu            sync.Mutex
	acknowledged  []string
	errors        map[string]int64 // by kind
	longest       time.Duration
	otherProblems error
}

// restartThoonk has a server of its own, which writes everything to disk before it answers.
func restartThoonk(ctx context.Context, e *Env) (Result, error) {
	srv, err := redisserver.Start(ctx, redisserver.Options{Persist: true})
	if err != nil {
		return Result{}, err
	}
	e.AtEnd(srv.Stop)
	eng, err := e.EngineWith(ctx, engine.Config{URL: srv.URL()})
	if err != nil {
		return Result{}, err
	}
	f, err := eng.Feed(ctx, "restart", feed.Config{})
	if err != nil {
		return Result{}, err
	}
	l := &ledger{errors: make(map[string]int64)}
	call := func(ctx context.Context, caller, n int) error {
		start := time.Now()
		id, err := f.Publish(ctx, e.payloads.at(spread(caller, n)))
		l.note(id, err, time.Since(start))
		return nil
	}
	var last load.Stats
	warm := true
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		before := len(l.acknowledged)
		down := min(d, downTime)
		killed := make(chan error, 1)
		if warm {
			warm = false
			killed <- nil
		} else {
			d += down
			go func() { killed <- killAndRestart(ctx, srv, (d-down)/2, down) }()
		}
		var err error
		last, err = load.Closed(ctx, restartCallers, d, call)
		return int64(len(l.acknowledged) - before), last.Elapsed, errors.Join(err, <-killed)
	})
	if err != nil {
		return r, err
	}
	r.Callers, r.RedisCPU = restartCallers, nil // it is not that server's
	r.Latencies(last.Latency)
	l.tell(&r)
	return r, l.check(context.WithoutCancel(ctx), f, &r)
}

// killAndRestart kills the server after some time, and starts it again when it was down for some time.
func killAndRestart(ctx context.Context, srv *redisserver.Server, after, down time.Duration) error {
	wait(ctx, after)
	if err := srv.Kill(); err != nil {
		return err
	}
	wait(ctx, down)
	return srv.Restart(context.WithoutCancel(ctx))
}

func (l *ledger) note(id string, err error, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest = max(l.longest, took)
	switch {
	case err == nil:
		l.acknowledged = append(l.acknowledged, id)
	case errors.Is(err, engine.ErrOutcomeUnknown):
		l.errors["unknown"]++
	case errors.Is(err, engine.ErrNotSent):
		l.errors["not_sent"]++
	default:
		l.errors["other"]++
		l.otherProblems = err
	}
}

func (l *ledger) tell(r *Result) {
	r.Set("acknowledged", float64(len(l.acknowledged)))
	for _, kind := range []string{"unknown", "not_sent", "other"} {
		r.Set("errors_"+kind, float64(l.errors[kind]))
	}
	r.Set("longest_ms", float64(l.longest)/float64(time.Millisecond))
}

// check compares what callers were told with what the feed has.
func (l *ledger) check(ctx context.Context, f *feed.Feed, r *Result) error {
	ids, err := f.IDs(ctx)
	if err != nil {
		return err
	}
	stored := make(map[string]bool, len(ids))
	for _, id := range ids {
		stored[id] = true
	}
	missing := int64(0)
	for _, id := range l.acknowledged {
		if !stored[id] {
			missing++
		}
	}
	r.Set("missing", float64(missing))
	if err := same("the number of acknowledged items that are not there", missing, 0); err != nil {
		return err
	}
	if extra := int64(len(ids) - len(l.acknowledged)); extra > l.errors["unknown"] {
		return fmt.Errorf("WRONG RESULT: %d items are there that nobody was told of, %d calls have an unknown outcome", extra, l.errors["unknown"])
	}
	if l.otherProblems != nil {
		return fmt.Errorf("WRONG RESULT: an error that does not say what became of the call: %w", l.otherProblems)
	}
	return nil
}
