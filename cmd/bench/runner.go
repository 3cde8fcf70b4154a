package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
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
				r.one(ctx, control, s, where)
			}
		}
	}
	return nil
}

func (r *runner) one(ctx context.Context, control *engine.Engine, s *Scenario, where Result) {
	var result Result
	var err error
	r.bar.begin(where)
	e := &Env{options: r.opts, srv: r.srv, control: control, where: where, scenario: s, progress: r.bar.share, drives: r.drives}
	e.far = distance{url: r.srv.url, endpoint: r.srv.endpoint}
	if rtt := cmp.Or(r.opts.rtt, s.RTT); rtt > 0 {
		err = e.behind(ctx, rtt)
	}
	if err == nil {
		result, err = s.Systems[where.System](ctx, e)
	}
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

func (r *runner) sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.srv.sweep(ctx, r.leaves); err != nil {
		r.bar.clear()
		fmt.Fprintf(r.stderr, "bench: keys named feed.*:bench:* are left, they expire in an hour: %v\n", err)
	}
}
