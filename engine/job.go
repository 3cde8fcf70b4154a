package engine

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/pool"
)

// Jobs returns the job set of that name, after creating it with cfg if it does not
// exist. The stored configuration of an existing job set is left alone; change it
// with Jobs.Configure. ErrWrongType: the name is something else.
func (e *Engine) Jobs(ctx context.Context, name string, cfg job.Config) (*job.Jobs, error) {
	return e.jobs.Open(ctx, name, cfg)
}

// Handle has h do the jobs of the set, up to o.Workers of them at a time, and
// together with the engine's other job sets up to Config.Workers. It returns once
// the job set's actor knows; the work ends when the engine is closed. Middleware
// wraps the handler, the first given outermost. A job set has one handler in an
// engine: job.ErrHandled.
func (e *Engine) Handle(ctx context.Context, j *job.Jobs, h job.Handler, o pool.Options, wrappers ...job.Middleware) error {
	return e.jobs.Handle(ctx, j, h, o, wrappers...)
}
