package main

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
)

// publishCeiling publishes as fast as the server can: the vector script with 64 new items in each call.
func publishCeiling(ctx context.Context, e *Env) (Result, error) {
	publish := script(feed.Scripts(), "feed/publish")
	f, conn, err := directFeed(ctx, e, publish)
	if err != nil {
		return Result{}, err
	}
	r, err := e.MeasurePipeline(ctx, conn, batchItems, direct.Pipeline{Next: publishes(e, f.Name()).next, Check: allPut})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, f, r.Total)
}
