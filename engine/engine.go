package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/oklog/run"
	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/topology"
	"github.com/thoonk-go/thoonk/internal/wakeup"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pool"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// An Engine is one set of connections to Redis and the actors that use them. All
// methods are safe for concurrent use.
type Engine struct {
	cfg   Config
	net   *topology.Network
	host  *host.Host
	hub   *pubsubhub.Hub
	waker *wakeup.Waker

	feeds  *feed.Kind
	queues *queue.Kind
	sorted *sorted.Kind
	jobs   *job.Kind
	names  *actor.Set[wire.Command] // commands about names of any type

	pool *pool.Pool // of the handlers

	feedStats, queueStats, sortedStats, jobStats, nameStats wire.Stats

	once  sync.Once
	stop  chan time.Duration // begins the shutdown: how long handlers may go on
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
	at, _ := topology.Parse(cfg.URL) // validate has checked it
	net, err := topology.Open(ctx, topology.Config{
		At:          at,
		TLS:         cfg.TLS,
		Connections: cfg.Connections,
		DialTimeout: cfg.DialTimeout,
		Timeout:     cfg.Timeout,
		Replicas:    wire.Replicas{N: cfg.WaitReplicas, Timeout: cfg.WaitTimeout},
		Logger:      cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("engine: open: %w (%w)", err, ErrNotSent)
	}
	e := &Engine{cfg: cfg, net: net, stop: make(chan time.Duration, 1), done: make(chan struct{})}
	e.hub = pubsubhub.New(pubsubhub.Config{
		Dial:    func(ctx context.Context) (radix.Conn, error) { return net.Dial(ctx, "") },
		Publish: net.Publish,
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
		Lane:     net.Lane,
		Naming:   contract.Naming(at.Kind == topology.Cluster),
		Abort:    abort,
	}
	e.feeds = feed.NewKind(e.host, &e.feedStats)
	e.waker = e.newWaker()
	e.queues = queue.NewKind(e.host, &e.queueStats, e.waker, cfg.CheckEvery/5)
	e.sorted = sorted.NewKind(e.host, &e.sortedStats)
	e.pool = pool.New(cfg.Workers)
	e.jobs = job.NewKind(e.host, &e.jobStats, e.waker, e.pool, job.Settings{Lease: cfg.Lease, Pause: cfg.CheckEvery / 5})
	e.names = host.PlainSet(e.host, &e.nameStats)
	e.host.Names = e.names.Handle(catalog.AllNames)
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
	var drain time.Duration
	g.Add(func() error { drain = <-e.stop; return nil }, func(error) {})
	tick, cancel := context.WithCancel(context.Background())
	g.Add(func() error { e.sweep(tick); return nil }, func(error) { cancel() })
	part(func() { e.drain(drain) }) // handlers may use everything else until they end
	part(e.jobs.Close)
	part(e.queues.Close)
	part(e.sorted.Set().Close)
	part(e.feeds.Set().Close)
	part(e.names.Close)
	part(func() { _ = e.waker.Close(e.host.Abort) })
	part(func() { _ = e.hub.Close() })
	part(e.net.Close)
	_ = g.Run()
	e.abort()
	close(e.done)
}

// drain lets handlers finish for d, then ends their contexts, and waits for them.
func (e *Engine) drain(d time.Duration) {
	ctx, cancel := context.WithTimeout(e.host.Abort, d)
	defer cancel()
	grace, cancel := context.WithTimeout(e.host.Abort, d+d/4+time.Second)
	defer cancel()
	if err := e.jobs.Drain(ctx, grace); err != nil {
		e.cfg.Logger.Warn("handlers still run: their jobs go to other workers when their leases pass",
			zap.Int("handlers", e.pool.Stats().Running))
	}
	e.pool.Close()
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
			e.jobs.Sweep(before)
			e.names.Sweep(before)
		case <-ctx.Done():
			return
		}
	}
}

// begin begins the shutdown, once.
func (e *Engine) begin(drain time.Duration) { e.once.Do(func() { e.stop <- drain }) }

// Close ends the engine: no more jobs are claimed and handlers may finish, for
// Config.DrainTimeout or four fifths of the time that ctx leaves, whatever is
// shorter; then their contexts end, and what they did not finish goes back to the
// front of the line. New calls get ErrStopped, calls that were accepted are still
// sent and answered, subscriptions end.
//
// When ctx ends first, calls that still wait for Redis are answered with ErrStopped
// or ErrOutcomeUnknown, and Close returns the context's error once everything has
// ended. Safe to call more than once, and from anywhere but a handler.
func (e *Engine) Close(ctx context.Context) error {
	drain := e.cfg.DrainTimeout
	if deadline, ok := ctx.Deadline(); ok {
		drain = min(drain, max(time.Until(deadline)*4/5, 0))
	}
	e.begin(drain)
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
	}
	e.abort()
	e.net.Cut()
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
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), e.cfg.DrainTimeout)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			e.cfg.Logger.Warn("the engine was closed with calls unanswered", zap.Error(err))
		}
	}()
}
