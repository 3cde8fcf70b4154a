package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
	"github.com/thoonk-go/thoonk/engine"
)

// An Env is what one run of a scenario works with. Everything that it hands out is closed and deleted after the run.
type Env struct {
	*options
	srv     *server
	far     distance       // of what is measured
	control *engine.Engine // prepares, checks and cleans up; it is not measured
	where   Result         // scenario, system, round

	scenario *Scenario
	before   int64 // items that were there before the run

	engines  []*engine.Engine // those that are measured
	names    []string
	leaves   []string // those whose keys Delete does not delete, see server.sweep
	closers  []func() error
	progress func(share float64)
	drives   map[string]driver.Hello // peers that took part, by name
}

// Int is the value of an int flag.
func (e *Env) Int(flag string) int {
	n, err := e.set.GetInt(flag)
	if err != nil {
		panic(fmt.Sprintf("bench: scenario %s reads a flag that it did not declare: %v", e.where.Scenario, err))
	}
	return n
}

// fills is how many items to put in before a run that takes perSecond of them at best. The embedded server copies its
// lists at every push, so it gets few.
func (e *Env) fills(perSecond float64) int64 {
	if e.srv.kind == kindEmbedded {
		perSecond = min(perSecond, 4000)
	}
	return int64((e.d + warmUp(e.d)).Seconds() * perSecond)
}

// Name is a name that nobody else uses. Whatever an engine creates under it is deleted after the run.
func (e *Env) Name() string {
	name := e.unused()
	e.names = append(e.names, name)
	return name
}

func (e *Env) unused() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails
	return "bench:" + strings.ReplaceAll(e.where.Scenario, "/", "-") + "-" + hex.EncodeToString(b)
}

// Control is the engine for what is not measured: filling and checking.
func (e *Env) Control() *engine.Engine { return e.control }

// Engine opens an engine to be measured, with the default configuration.
func (e *Env) Engine(ctx context.Context) (*engine.Engine, error) {
	return e.EngineWith(ctx, engine.Config{})
}

// EngineWith opens an engine to be measured. Without a URL in the configuration it uses the same server as all.
func (e *Env) EngineWith(ctx context.Context, cfg engine.Config) (*engine.Engine, error) {
	eng, err := e.engine(ctx, cfg)
	if err == nil {
		e.engines = append(e.engines, eng)
	}
	return eng, err
}

// engine opens an engine that takes part and is not measured.
func (e *Env) engine(ctx context.Context, cfg engine.Config) (*engine.Engine, error) {
	if cfg.URL == "" {
		cfg.URL = e.far.url
	}
	eng, err := engine.Open(ctx, cfg)
	if err == nil {
		e.AtEnd(func() error { return closeEngine(eng) })
	}
	return eng, err
}

// AtEnd calls end after the run, before what was opened earlier is closed.
func (e *Env) AtEnd(end func() error) { e.closers = append(e.closers, end) }

// Radix opens a radix pool of the default size (4 connections that callers share).
func (e *Env) Radix(ctx context.Context) (radix.Client, error) {
	at := e.far.endpoint
	c, err := radix.PoolConfig{Dialer: dialer(at)}.New(ctx, at.Network, at.Addr)
	if err != nil {
		return nil, err
	}
	e.AtEnd(c.Close)
	return c, nil
}

// RadixConn opens one radix connection.
func (e *Env) RadixConn(ctx context.Context) (radix.Conn, error) {
	at := e.far.endpoint
	return dialer(at).Dial(ctx, at.Network, at.Addr)
}

// RadixPubSub opens a radix connection for messages.
func (e *Env) RadixPubSub(ctx context.Context) (radix.PubSubConn, error) {
	conn, err := e.RadixConn(ctx)
	if err != nil {
		return nil, err
	}
	c := radix.PubSubConfig{}.New(conn)
	e.AtEnd(c.Close)
	return c, nil
}

// Direct opens a plain connection to be measured.
func (e *Env) Direct(ctx context.Context) (*direct.Conn, error) { return e.plain(ctx, e.far.endpoint) }

// Near opens a plain connection for what is not measured: it knows no -rtt.
func (e *Env) Near(ctx context.Context) (*direct.Conn, error) { return e.plain(ctx, e.srv.endpoint) }

func (e *Env) plain(ctx context.Context, at direct.Endpoint) (*direct.Conn, error) {
	c, err := at.Dial(ctx)
	if err != nil {
		return nil, err
	}
	e.AtEnd(c.Close)
	return c, nil
}

// clean closes and deletes, also after an interrupt, and waits until the server has freed the memory: it would do so
// during the next run otherwise.
func (e *Env) clean() error {
	var problems []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		problems = append(problems, e.closers[i]())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	problems = append(problems, e.delete(ctx))
	for ctx.Err() == nil {
		if n := e.srv.figure("memory", "lazyfree_pending_objects"); n == "" || n == "0" {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.Join(problems...)
}

// delete deletes the run's names. Of many, an engine of its own does it, many at a time: each would leave the control
// engine with a goroutine for minutes.
func (e *Env) delete(ctx context.Context) error {
	eng, workers := e.control, 1
	if len(e.names) > 64 {
		own, err := engine.Open(ctx, engine.Config{URL: e.srv.url})
		if err != nil {
			return err
		}
		defer func() { _ = closeEngine(own) }()
		eng, workers = own, 64
	}
	return forAll(workers, len(e.names), func(i int) error {
		if err := eng.Delete(ctx, e.names[i]); !errors.Is(err, engine.ErrNoSuchName) {
			return err
		}
		return nil
	})
}

// forAll calls do for 0 to n-1 from some goroutines, and returns the first error of each.
func forAll(workers, n int, do func(i int) error) error {
	var next atomic.Int64
	errs := make([]error, workers)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && errs[w] == nil; i = next.Add(1) - 1 {
				errs[w] = do(int(i))
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func closeEngine(eng *engine.Engine) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return eng.Close(ctx)
}

// same is an error if Redis does not hold what it must.
func same(what string, got, want int64) error {
	if got != want {
		return fmt.Errorf("WRONG RESULT: %s is %d, it must be %d", what, got, want)
	}
	return nil
}
