package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

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
}

// run does every run, until ctx ends. A scenario that fails is told and the others go on; an error means that nothing
// can run. Rounds are interleaved: of one scenario all systems, then all systems again, so that a machine that gets
// slower meanwhile does so for all.
func (r *runner) run(ctx context.Context) error {
	control, err := engine.Open(ctx, engine.Config{URL: r.srv.url, Connections: 1, Timeout: time.Minute})
	if err != nil {
		return err
	}
	defer func() { _ = closeEngine(control) }()
	defer r.bar.finish()
	defer r.sweep()
	for _, s := range r.opts.plan {
		if s.Private && r.srv.kind != kindRedis {
			fmt.Fprintf(r.stderr, "bench: %s is left out: it kills its server, which has to be a redis-server of our own\n", s.Name)
			continue
		}
		for round := range r.opts.repeat {
			for _, system := range s.systems() {
				if ctx.Err() != nil {
					return nil
				}
				where := Result{Scenario: s.Name, System: system}
				if r.opts.repeat > 1 {
					where.Round = round + 1
				}
				r.one(ctx, control, s.Systems[system], where)
			}
		}
	}
	return nil
}

func (r *runner) one(ctx context.Context, control *engine.Engine, system System, where Result) {
	r.bar.begin(where)
	e := &Env{options: r.opts, srv: r.srv, control: control, where: where, progress: r.bar.share}
	result, err := system(ctx, e)
	interrupted := ctx.Err() != nil && result.Ops == 0
	if cleaned := e.clean(); cleaned != nil {
		err = errors.Join(err, fmt.Errorf("cleaning up: %w", cleaned))
	}
	r.leaves = append(r.leaves, e.leaves...)
	r.bar.end()
	switch {
	case interrupted: // before there was anything to tell
	case err != nil:
		r.failed++
		r.bar.clear()
		fmt.Fprintf(r.stderr, "bench: %s on %s FAILED: %v\n", where.Scenario, where.System, err)
	default:
		r.results = append(r.results, result)
	}
}

func (r *runner) sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.srv.sweep(ctx, r.leaves); err != nil {
		r.bar.clear()
		fmt.Fprintf(r.stderr, "bench: keys named feed.*:bench:* are left, they expire in an hour: %v\n", err)
	}
}
