package main

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/pool"
)

func init() {
	register(Scenario{
		Name:    "job/pickup",
		Doc:     "an idle handler, a job is put at random moments; latencies from put to the start of the handler",
		Systems: withPeers(map[string]System{report.Thoonk: pickUpJob}, pickUpOnPeer),
	})
}

// pickUpJob has a goroutine between handler and measurement: the figures are some microseconds too high.
func pickUpJob(ctx context.Context, e *Env) (Result, error) {
	control, j, eng, err := thoonkJobs(ctx, e, engine.Config{})
	if err != nil {
		return Result{}, err
	}
	begun := make(chan []byte, 1)
	if err := eng.Handle(ctx, j, func(_ context.Context, c *job.Claim) ([]byte, error) {
		begun <- c.Body
		return nil, nil
	}, pool.Options{}); err != nil {
		return Result{}, err
	}
	put := func(ctx context.Context, body []byte) error {
		_, err := j.Put(ctx, body)
		return err
	}
	r, err := pickUp(ctx, e, put, func(ctx context.Context) ([]byte, error) {
		select {
		case body := <-begun:
			return body, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	if err != nil {
		return r, err
	}
	if err := finishedAll(ctx, control, func() int64 { return r.Total }); err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, control, 0, 0, r.Total)
}
