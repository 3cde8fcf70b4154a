package main

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// publishCeiling publishes as fast as the server can: the vector script with 64 new items in each call.
func publishCeiling(ctx context.Context, e *Env) (Result, error) {
	publish := script(feed.Scripts(), "feed/publish")
	f, conn, err := directFeed(ctx, e, publish)
	if err != nil {
		return Result{}, err
	}
	calls := newPrebuilt(publish, f.Name(), e.payloads, func(args wire.Args, _ int, id string, body []byte) wire.Args {
		return args.String(id).Bytes(body)
	})
	r, err := e.MeasurePipeline(ctx, conn, batchItems, direct.Pipeline{
		Next: calls.next,
		Check: func(_ int64, reply direct.Reply) error {
			return same("the sum of 64 statuses", reply.Sum, batchItems) // 1 is added
		},
	})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, f, r.Total)
}
