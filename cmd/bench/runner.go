package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
)

// A runner goes through the plan and keeps the results.
type runner struct {
	opts    *options
	srv     *server
	stderr  io.Writer
	bar     *bar
	results []Result
	failed  int
	leaves  []string // see server.sweep

	drives map[string]driver.Hello // peers that took part
}

// run takes every step, until ctx ends. One that fails is told and the others go on; an error means that nothing can run.
func (r *runner) run(ctx context.Context) error {
	control, err := engine.Open(ctx, engine.Config{URL: r.srv.url, Connections: 1, Timeout: time.Minute})
	if err != nil {
		return err
	}
	defer func() { _ = closeEngine(control) }()
	defer r.bar.finish()
	defer r.sweep()
	leftOut := make(map[string]bool)
	for _, s := range r.opts.steps() {
		if ctx.Err() != nil {
			return nil
		}
		if name := s.scenario.Name; s.scenario.Private && r.srv.kind != kindRedis {
			if !leftOut[name] {
				fmt.Fprintf(r.stderr, "bench: %s is left out: it kills its server, which has to be a redis-server of our own\n", name)
			}
			leftOut[name] = true
			continue
		}
		r.one(ctx, control, s)
	}
	return nil
}

func (r *runner) one(ctx context.Context, control *engine.Engine, s step) {
	where := s.where
	r.bar.begin(where)
	e := &Env{
		options: s.opts, srv: r.srv, control: control, where: where, scenario: s.scenario,
		far:      distance{url: r.srv.url, endpoint: r.srv.endpoint},
		progress: r.bar.share, drives: r.drives,
	}
	result, err := e.run(ctx)
	interrupted := ctx.Err() != nil && result.Ops == 0
	if cleaned := e.clean(); cleaned != nil {
		err = errors.Join(err, fmt.Errorf("cleaning up: %w", cleaned))
	}
	r.leaves = append(r.leaves, e.leaves...)
	r.bar.end()
	var why absent
	switch {
	case errors.As(err, &why):
		where.Note = string(why)
		r.results = append(r.results, where)
	case interrupted: // before there was anything to tell
	case err != nil:
		r.failed++
		r.bar.clear()
		fmt.Fprintf(r.stderr, "bench: %s on %s FAILED: %v\n", where.Scenario, where.System, err)
	default:
		r.results = append(r.results, result)
	}
}

// run does what the step is about, at the distance that is asked for. A scenario with servers of its own has no forwarder.
func (e *Env) run(ctx context.Context) (Result, error) {
	if e.where.System == report.Ceiling { // all its calls are of 64 items
		if err := e.fits(); err != nil {
			return Result{}, err
		}
	}
	if rtt := cmp.Or(e.rtt, e.scenario.RTT); rtt > 0 && !e.scenario.Private {
		if err := e.behind(ctx, rtt); err != nil {
			return Result{}, err
		}
	}
	return e.scenario.Systems[e.where.System](ctx, e)
}

func (r *runner) sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.srv.sweep(ctx, r.leaves); err != nil {
		r.bar.clear()
		fmt.Fprintf(r.stderr, "bench: keys named feed.*:bench:* are left, they expire in an hour: %v\n", err)
	}
}
