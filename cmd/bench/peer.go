package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	foreign "github.com/thoonk-go/thoonk/internal/contract/peer"
)

// What the engine does while a peer works on the same name, with thoonk.py's commands on one connection, as fast as it
// can. Compare with feed/publish; the column more has what the peer got done. That is little: it watches keys, and begins
// again whenever the engine has changed one in between. With -rate it gets its turns.
func init() {
	register(Scenario{
		Name:    "peer/feed",
		Doc:     "many callers publish to one feed, and a peer does",
		Systems: map[string]System{report.Thoonk: besidePublish},
	})
	register(Scenario{
		Name:    "peer/queue",
		Doc:     "many callers put an item into one queue and take one, and a peer does",
		Systems: map[string]System{report.Thoonk: besideQueue},
	})
	register(Scenario{
		Name:    "peer/job",
		Doc:     "many callers put a job into one job set, claim one and finish it, and a peer does",
		Systems: map[string]System{report.Thoonk: besideJobs},
	})
}

// beside measures call while a peer repeats act. It returns how often the peer did.
func beside(ctx context.Context, e *Env, items int, act func(*foreign.Peer) error, call func(ctx context.Context, caller, n int) error) (Result, int64, error) {
	conn, err := e.RadixConn(ctx)
	if err != nil {
		return Result{}, 0, err
	}
	e.AtEnd(conn.Close)
	p := foreign.New(peerCommands(ctx, conn), foreign.Config{Dialect: foreign.ThoonkPy})
	stop, ended := make(chan struct{}), make(chan error)
	var acts int64
	begun := time.Now()
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if err := act(p); err != nil {
				ended <- fmt.Errorf("the peer: %w", err)
				return
			}
			acts++
		}
	}()
	r, err := e.Measure(ctx, items, call)
	close(stop)
	err = errors.Join(err, <-ended)
	r.Set("peer/s", float64(acts*int64(items))/time.Since(begun).Seconds())
	return r, acts, err
}

// peerCommands sends a peer's commands, also when the run was interrupted: the peer ends what it has begun.
func peerCommands(ctx context.Context, conn radix.Conn) foreign.Do {
	ctx = context.WithoutCancel(ctx)
	return func(args ...any) (any, error) {
		words := make([]string, len(args))
		for i, a := range args {
			words[i] = fmt.Sprint(a)
		}
		var reply any
		err := conn.Do(ctx, radix.Cmd(&reply, words[0], words[1:]...))
		return plain(reply), err
	}
}

// plain is a reply with strings for byte slices, and nil for those that are not there: an aborted EXEC answers so.
func plain(reply any) any {
	switch v := reply.(type) {
	case []byte:
		if v == nil {
			return nil
		}
		return string(v)
	case []any:
		if v == nil {
			return nil
		}
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return reply
}

func besidePublish(ctx context.Context, e *Env) (Result, error) {
	control, f, err := thoonkFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	n := 0
	r, acts, err := beside(ctx, e, 1, func(p *foreign.Peer) error {
		n++
		_, err := p.Publish(f.Name(), "", e.payloads.textAt(n))
		return err
	}, func(ctx context.Context, caller, n int) error {
		_, err := f.Publish(ctx, e.payloads.at(spread(caller, n)))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, control, r.Total+acts)
}

// takeAgain has a peer take what it is owed: each has put before it takes, but others may have taken that.
func takeAgain(take func() error) error {
	for {
		if err := take(); !errors.Is(err, foreign.ErrEmpty) {
			return err
		}
	}
}

func besideQueue(ctx context.Context, e *Env) (Result, error) {
	control, q, err := thoonkQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	n := 0
	patient := context.WithoutCancel(ctx)
	r, _, err := beside(ctx, e, 2, func(p *foreign.Peer) error {
		n++
		if _, err := p.Put(q.Name(), e.payloads.textAt(n), false); err != nil {
			return err
		}
		return takeAgain(func() error {
			_, err := p.Get(q.Name(), time.Second)
			return err
		})
	}, func(_ context.Context, caller, n int) error {
		if _, err := q.Put(patient, e.payloads.at(spread(caller, n))); err != nil {
			return err
		}
		_, err := q.Get(patient)
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, control, 0)
}

func besideJobs(ctx context.Context, e *Env) (Result, error) {
	control, j, _, err := thoonkJobs(ctx, e, engine.Config{})
	if err != nil {
		return Result{}, err
	}
	n := 0
	patient := context.WithoutCancel(ctx)
	r, acts, err := beside(ctx, e, 1, func(p *foreign.Peer) error {
		n++
		if _, err := p.PutJob(j.Name(), "", e.payloads.textAt(n), false); err != nil {
			return err
		}
		return takeAgain(func() error {
			c, err := p.Claim(j.Name(), time.Second)
			if err != nil {
				return err
			}
			return p.Finish(j.Name(), c.ID, nil)
		})
	}, func(_ context.Context, caller, n int) error {
		if _, err := j.Put(patient, e.payloads.at(spread(caller, n))); err != nil {
			return err
		}
		c, err := j.Get(patient)
		if err != nil {
			return err
		}
		return c.Finish(patient, nil)
	})
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, control, 0, 0, r.Total+acts)
}
