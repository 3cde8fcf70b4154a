package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
)

func init() {
	register(Scenario{
		Name:     "topology/failover",
		Doc:      "36 writers put into 12 queues while a primary of -topology cluster:3 or sentinel fails: how long, and what was acknowledged and is lost",
		NoRate:   true,
		Private:  true,
		OnDemand: true,
		Flags: func(fs *pflag.FlagSet) {
			topologyFlag(fs)
			fs.String("fault", faultKilled, "topology/failover: the primary is killed, stopped (SIGSTOP), planned (asked to hand over) or cut-off (with a minority, from all but clients)")
		},
		Check: func(fs *pflag.FlagSet) error {
			_, err := readFault(fs)
			return err
		},
		Systems: map[string]System{
			report.Thoonk: failoverThoonk,
			report.Radix:  failoverRadix,
		},
	})
}

// The load is light, so that what is seen is the fail-over and not two busy processors.
const (
	failoverNames   = 12
	failoverWriters = 36
	failoverPause   = 5 * time.Millisecond // of a writer, after each call
	failoverCall    = 5 * time.Second      // that a call may take
	failoverTimeout = 2 * time.Second      // after which the others hold a node for dead
	failoverWait    = 20 * time.Second     // that every name gets to work again
)

// What happens to the primary.
const (
	faultKilled  = "killed"
	faultStopped = "stopped"
	faultPlanned = "planned"
	faultCutOff  = "cut-off"
)

// A failing is a topology and what happens to one of its primaries.
type failing struct {
	url     string
	naming  contract.Naming
	client  func(context.Context) (radix.MultiClient, error)
	down    func(context.Context) error // returns when another one has taken over
	up      func(context.Context) error
	healthy func(context.Context) error
}

func readFault(fs *pflag.FlagSet) (string, error) {
	fault, _ := fs.GetString("fault")
	switch fault {
	case faultKilled, faultStopped, faultPlanned, faultCutOff:
		return fault, nil
	}
	return "", fmt.Errorf("-fault is %q: want killed, stopped, planned or cut-off", fault)
}

func startFailing(ctx context.Context, e *Env) (*failing, error) {
	kind, n, err1 := readTopology(e.set)
	fault, err2 := readFault(e.set)
	switch {
	case err1 != nil || err2 != nil:
		return nil, errors.Join(err1, err2)
	case kind == topologyCluster && n == 3:
		return failingCluster(ctx, e, fault)
	case kind == topologySentinel:
		return failingSentinel(ctx, e, fault)
	}
	return nil, errors.New("-topology is not sentinel or cluster:3, as a fail-over needs it")
}

func failingCluster(ctx context.Context, e *Env, fault string) (*failing, error) {
	c, err := redisserver.StartCluster(ctx, redisserver.ClusterOptions{NodeTimeout: failoverTimeout, Partitions: fault == faultCutOff})
	if err != nil {
		return nil, err
	}
	e.AtEnd(c.Stop)
	victim, successor := c.Nodes()[1], c.Nodes()[4]
	f := &failing{
		url: c.URL(), naming: contract.Tagged, healthy: c.Healthy,
		client: func(ctx context.Context) (radix.MultiClient, error) {
			// By default each connection begins with READONLY, for DoSecondary. Then a primary that has become a replica does not
			// say MOVED to a script, but lets it begin and fail. Who only writes does without.
			pool := radix.PoolConfig{Dialer: radix.Dialer{CustomConn: radix.Dialer{}.Dial}}
			return radix.ClusterConfig{PoolConfig: pool}.New(ctx, hostPorts(c.Nodes()))
		},
	}
	switch fault {
	case faultPlanned:
		f.down = func(ctx context.Context) error { _, err := c.Failover(ctx, victim); return err }
		f.up = func(context.Context) error { return nil }
	case faultCutOff:
		f.down = func(ctx context.Context) error { c.Isolate(victim); return successor.AwaitPrimary(ctx) }
		f.up = func(context.Context) error { c.Rejoin(); return nil }
	default:
		f.takeAway(fault, victim, successor.AwaitPrimary, victim.Restart)
	}
	return f, nil
}

func failingSentinel(ctx context.Context, e *Env, fault string) (*failing, error) {
	s, err := redisserver.StartSentinel(ctx, redisserver.SentinelOptions{DownAfter: failoverTimeout, Partitions: fault == faultCutOff})
	if err != nil {
		return nil, err
	}
	e.AtEnd(s.Stop)
	victim := s.Servers()[0]
	await := func(ctx context.Context) error { _, err := s.Successor(ctx, victim); return err }
	f := &failing{
		url: s.URL(), naming: contract.Plain, healthy: s.Healthy,
		client: func(ctx context.Context) (radix.MultiClient, error) {
			return radix.SentinelConfig{}.New(ctx, redisserver.MasterName, hostPorts(s.Sentinels()))
		},
	}
	switch fault {
	case faultPlanned:
		f.down = func(ctx context.Context) error { _, err := s.Failover(ctx); return err }
		f.up = func(context.Context) error { return nil }
	case faultCutOff:
		f.down = func(ctx context.Context) error { s.Isolate(victim, s.Sentinels()[0]); return await(ctx) }
		f.up = func(context.Context) error { s.Rejoin(); return nil }
	default:
		f.takeAway(fault, victim, await, func(ctx context.Context) error { return s.Restart(ctx, victim) })
	}
	return f, nil
}

// takeAway is for a primary that is killed or stopped.
func (f *failing) takeAway(fault string, victim *redisserver.Server, await, restart func(context.Context) error) {
	away := victim.Kill
	f.up = restart
	if fault == faultStopped {
		away = victim.Pause
		f.up = func(context.Context) error { return victim.Resume() }
	}
	f.down = func(ctx context.Context) error {
		if err := away(); err != nil {
			return err
		}
		return await(ctx)
	}
}

func hostPorts(servers []*redisserver.Server) []string {
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = s.HostPort()
	}
	return list
}

// A putter puts an item into the queue with that number, for a writer, and returns the item's id.
type putter func(ctx context.Context, writer, queue int, body []byte) (id string, err error)

func failoverThoonk(ctx context.Context, e *Env) (Result, error) {
	return failover(ctx, e, func(f *failing, names []string) (putter, error) {
		eng, err := e.EngineWith(ctx, engine.Config{URL: f.url})
		if err != nil {
			return nil, err
		}
		queues, err := openQueues(ctx, eng, names)
		return func(ctx context.Context, _, q int, body []byte) (string, error) { return queues[q].Put(ctx, body) }, err
	})
}

func failoverRadix(ctx context.Context, e *Env) (Result, error) {
	return failover(ctx, e, func(f *failing, names []string) (putter, error) {
		client, err := f.client(ctx)
		if err != nil {
			return nil, err
		}
		e.AtEnd(client.Close)
		writers := make([]queueCaller, failoverWriters)
		for w := range writers {
			writers[w].radixScript = newRadixScript(client, queueScript("put"), f.naming.Wire(names[w%len(names)])).as(fmt.Sprint("c", w))
		}
		return func(ctx context.Context, w, _ int, body []byte) (string, error) {
			c, id := &writers[w], contract.NewID()
			return id, c.statuses(ctx, append(c.args(4), c.number(), id, string(body), "0"), 1)
		}, nil
	})
}

func openQueues(ctx context.Context, eng *engine.Engine, names []string) ([]*queue.Queue, error) {
	queues := make([]*queue.Queue, len(names))
	for i, name := range names {
		var err error
		if queues[i], err = eng.Queue(ctx, name, queue.Config{}); err != nil {
			return nil, err
		}
	}
	return queues, nil
}

// failover has the writers of a system at work while the primary fails and comes back.
func failover(ctx context.Context, e *Env, prepare func(*failing, []string) (putter, error)) (Result, error) {
	f, err := startFailing(ctx, e)
	if err != nil {
		return Result{}, err
	}
	control, err := e.engine(ctx, engine.Config{URL: f.url})
	if err != nil {
		return Result{}, err
	}
	names := make([]string, failoverNames)
	for i := range names {
		names[i] = fmt.Sprintf("failover-%d", i)
	}
	queues, err := openQueues(ctx, control, names)
	if err != nil {
		return Result{}, err
	}
	put, err := prepare(f, names)
	if err != nil {
		return Result{}, err
	}
	l := &failoverLedger{ledger: ledger{errors: make(map[string]int64)}}
	warm := true
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		before, begun := len(l.acknowledged), time.Now()
		end := l.write(e, put)
		var err error
		if warm {
			warm = false
			wait(ctx, d)
		} else {
			err = l.strike(ctx, f, d)
		}
		end()
		return int64(len(l.acknowledged) - before), time.Since(begun), err
	})
	if err != nil {
		return r, err
	}
	r.Callers, r.RedisCPU, r.Aside = failoverWriters, nil, true
	return r, l.audit(context.WithoutCancel(ctx), f, queues, &r)
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
