package main

import (
	"context"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

func init() {
	register(Scenario{
		Name:   "job/drain-rtt",
		Doc:    "job/drain with -rtt, or 1ms; \"without\" has a forwarder that adds nothing",
		Flags:  workersFlag,
		RTT:    time.Millisecond,
		NoRate: true,
		Systems: withPeers(map[string]System{
			report.Thoonk: drainJobsThoonk,
			"without": func(ctx context.Context, e *Env) (Result, error) {
				if err := e.behind(ctx, 0); err != nil {
					return Result{}, err
				}
				r, err := drainJobsThoonk(ctx, e)
				r.Batch = nil
				return r, err
			},
		}, drainOnPeer, peers...),
	})
}
