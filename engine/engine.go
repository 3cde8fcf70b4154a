package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/oklog/run"
	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wakeup"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// An Engine is one set of connections to Redis and the actors that use them. All
// methods are safe for concurrent use.
type Engine struct {
	cfg   Config
	net   *network
	host  *host.Host
	hub   *pubsubhub.Hub
	waker *wakeup.Waker

	feeds  *feed.Kind
	queues *queue.Kind
	sorted *sorted.Kind
	names  *actor.Set[wire.Command] // commands about names of any type

	feedStats, queueStats, sortedStats, nameStats wire.Stats

	stop  chan struct{} // closed to begin the shutdown
	once  sync.Once
	abort context.CancelFunc // ends the waiting for Redis
	done  chan struct{}      // closed when everything has ended
}

// Open connects to Redis and starts an engine. An error means that Redis cannot
// be reached or used now: wrong URL, password, version. ctx bounds Open only.
// Close the engine when done.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("engine: open: %w", err)
	}
	cfg = cfg.withDefaults()
	net, err := connect(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("engine: open: %w (%w)", err, ErrNotSent)
	}
	e := &Engine{cfg: cfg, net: net, stop: make(chan struct{}), done: make(chan struct{})}
	e.hub = pubsubhub.New(pubsubhub.Config{
		Dial:    net.dial,
		Publish: net.publish,
		Mailbox: cfg.Mailbox,
		Logger:  cfg.Logger,
	})
	abort, cancel := context.WithCancel(context.Background())
	e.abort = cancel
	e.host = &host.Host{
		Instance: contract.NewID(),
		Patience: cfg.Patience,
		MaxItem:  cfg.MaxItem,
		Hub:      e.hub,
		Logger:   cfg.Logger,
		Lane:     net.lane,
		Abort:    abort,
	}
	e.feeds = feed.NewKind(e.host, &e.feedStats)
	e.waker = e.newWaker()
	e.queues = queue.NewKind(e.host, &e.queueStats, e.waker, cfg.CheckEvery/5)
	e.sorted = sorted.NewKind(e.host, &e.sortedStats)
	e.names = host.PlainSet(e.host, &e.nameStats)
	go e.run()
	return e, nil
}

// run is the engine's life. When it is stopped, the interrupts below run one
// after the other, in this order: each returns when its part has ended.
func (e *Engine) run() {
	var g run.Group
	part := func(end func()) {
		ended := make(chan struct{})
		g.Add(func() error { <-ended; return nil }, func(error) { end(); close(ended) })
	}
	g.Add(func() error { <-e.stop; return nil }, func(error) { e.begin() })
	tick, cancel := context.WithCancel(context.Background())
	g.Add(func() error { e.sweep(tick); return nil }, func(error) { cancel() })
	part(e.feeds.Set().Close)
	part(e.queues.Close)
	part(e.sorted.Set().Close)
	part(e.names.Close)
	part(func() { _ = e.waker.Close(e.host.Abort) })
	part(func() { _ = e.hub.Close() })
	part(e.net.close)
	_ = g.Run()
	e.abort()
	close(e.done)
}

// sweep ends actors that have been idle.
func (e *Engine) sweep(ctx context.Context) {
	t := time.NewTicker(max(e.cfg.IdleAfter/4, time.Millisecond))
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			before := now.Add(-e.cfg.IdleAfter)
			e.feeds.Set().Sweep(before)
			e.queues.Sweep(before)
			e.sorted.Set().Sweep(before)
			e.names.Sweep(before)
		case <-ctx.Done():
			return
		}
	}
}

func (e *Engine) begin() { e.once.Do(func() { close(e.stop) }) }

// Close ends the engine: new calls get ErrStopped, calls that were accepted are
// still sent and answered, subscriptions end. When ctx ends first, calls that
// still wait for Redis are answered with ErrStopped or ErrOutcomeUnknown, and
// Close returns the context's error once everything has ended. Safe to call more
// than once, and from anywhere.
func (e *Engine) Close(ctx context.Context) error {
	e.begin()
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
	}
	e.abort()
	e.net.cut()
	<-e.done
	return fmt.Errorf("engine: close: %w", ctx.Err())
}

// Run blocks until the engine has ended. With Interrupt it makes the engine an
// actor of a run.Group: g.Add(eng.Run, eng.Interrupt).
func (e *Engine) Run() error {
	<-e.done
	return nil
}

// Interrupt begins to close the engine and does not wait: Run returns when it has
// ended, after Config.DrainTimeout at the latest if Redis answers.
func (e *Engine) Interrupt(error) {
	e.begin()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), e.cfg.DrainTimeout)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			e.cfg.Logger.Warn("the engine was closed with calls unanswered", zap.Error(err))
		}
	}()
}
