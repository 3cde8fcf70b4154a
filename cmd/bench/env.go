package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/engine"
)

// An Env is what one run of a scenario works with. Everything that it hands out is closed and deleted after the run.
type Env struct {
	*options
	srv     *server
	control *engine.Engine // prepares, checks and cleans up; it is not measured
	where   Result         // scenario, system, round

	engines  []*engine.Engine // those that are measured
	names    []string
	closers  []func() error
	progress func(share float64)
}

// Int is the value of an int flag.
func (e *Env) Int(flag string) int {
	n, err := e.set.GetInt(flag)
	if err != nil {
		panic(fmt.Sprintf("bench: scenario %s reads a flag that it did not declare: %v", e.where.Scenario, err))
	}
	return n
}

// Name is a name that nobody else uses. Whatever is created under it is deleted after the run.
func (e *Env) Name() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails
	name := "bench:" + strings.ReplaceAll(e.where.Scenario, "/", "-") + "-" + hex.EncodeToString(b)
	e.names = append(e.names, name)
	return name
}

// Control is the engine for what is not measured: filling and checking.
func (e *Env) Control() *engine.Engine { return e.control }

// Engine opens an engine to be measured, with the default configuration.
func (e *Env) Engine(ctx context.Context) (*engine.Engine, error) {
	eng, err := engine.Open(ctx, engine.Config{URL: e.srv.url})
	if err != nil {
		return nil, err
	}
	e.engines = append(e.engines, eng)
	e.AtEnd(func() error { return closeEngine(eng) })
	return eng, nil
}

// AtEnd calls end after the run, before what was opened earlier is closed.
func (e *Env) AtEnd(end func() error) { e.closers = append(e.closers, end) }

// Radix opens a radix pool of the default size (4 connections that callers share).
func (e *Env) Radix(ctx context.Context) (radix.Client, error) {
	c, err := radix.PoolConfig{Dialer: e.dialer()}.New(ctx, e.srv.endpoint.Network, e.srv.endpoint.Addr)
	if err != nil {
		return nil, err
	}
	e.AtEnd(c.Close)
	return c, nil
}

// RadixPubSub opens a radix connection for messages.
func (e *Env) RadixPubSub(ctx context.Context) (radix.PubSubConn, error) {
	conn, err := e.dialer().Dial(ctx, e.srv.endpoint.Network, e.srv.endpoint.Addr)
	if err != nil {
		return nil, err
	}
	c := radix.PubSubConfig{}.New(conn)
	e.AtEnd(c.Close)
	return c, nil
}

func (e *Env) dialer() radix.Dialer {
	at := e.srv.endpoint
	return radix.Dialer{AuthUser: at.User, AuthPass: at.Password, SelectDB: at.DB, NetDialer: at}
}

// Direct opens a plain connection.
func (e *Env) Direct(ctx context.Context) (*direct.Conn, error) {
	c, err := e.srv.endpoint.Dial(ctx)
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
	for _, name := range e.names {
		if err := e.control.Delete(ctx, name); !errors.Is(err, engine.ErrNoSuchName) {
			problems = append(problems, err)
		}
	}
	for ctx.Err() == nil {
		if n := e.srv.figure("memory", "lazyfree_pending_objects"); n == "" || n == "0" {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.Join(problems...)
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
