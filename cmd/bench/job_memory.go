package main

import (
	"context"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

func init() {
	register(Scenario{
		Name:    "job/memory",
		Doc:     "-stored jobs, 10,000 by default, are put and wait: what each takes of the server's memory; ops are jobs put",
		NoRate:  true,
		Systems: withPeers(map[string]System{report.Thoonk: memoryThoonk}, memoryOnPeer),
	})
}

// memoryThoonk puts with calls that were built before: how fast is not the question here.
func memoryThoonk(ctx context.Context, e *Env) (Result, error) {
	if err := e.fits(); err != nil {
		return Result{}, err
	}
	j, conn, err := directJobs(ctx, e)
	if err != nil {
		return Result{}, err
	}
	calls := int64(e.storedOr(10_000)+batchItems-1) / batchItems
	p := direct.Pipeline{Depth: e.depth(), Most: calls, Next: jobPuts(e, j.Name()).next, Check: allPut}
	r, err := e.storeOnce(ctx, j.Name(), func(ctx context.Context) (int64, time.Duration, error) {
		done, elapsed, err := conn.Run(ctx, p, 0, time.Hour)
		return done * batchItems, elapsed, err
	})
	if err != nil {
		return r, err
	}
	return r, checkJobs(ctx, e, j, r.Total, 0, 0)
}

func memoryOnPeer(ctx context.Context, e *Env, q *peerQueue) (Result, error) {
	r, err := e.storeOnce(ctx, q.queue, func(ctx context.Context) (int64, time.Duration, error) {
		reply, err := q.Ask(ctx, driver.Request{Do: driver.Fill, Jobs: int64(e.storedOr(10_000))})
		return reply.Ops, driver.Seconds(reply.Seconds), err
	})
	r.Allocs, r.CPU = nil, nil
	if err != nil {
		return r, err
	}
	return r, q.check(ctx, r.Total)
}

// storeOnce stores without a warm-up, and sums up what the keys take whose names contain the name.
func (e *Env) storeOnce(ctx context.Context, name string, store func(ctx context.Context) (int64, time.Duration, error)) (Result, error) {
	if e.srv.kind == kindEmbedded {
		return Result{}, absent("needs a redis-server")
	}
	warm := true
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		if warm {
			warm = false
			return 0, d, nil
		}
		return store(ctx)
	})
	if err != nil || r.Ops == 0 {
		return r, err
	}
	bytes, err := e.srv.memoryUsage(ctx, "*"+name+"*")
	r.Set("bytes_per_job", float64(bytes)/float64(r.Total))
	r.CPU, r.Aside = nil, true
	return r, err
}

// memoryUsage is what the server says that the keys take, exactly: it looks at every element.
func (s *server) memoryUsage(ctx context.Context, pattern string) (sum int64, err error) {
	keys, err := s.keys(ctx, pattern)
	if err != nil {
		return 0, err
	}
	conn, err := dialer(s.endpoint).Dial(ctx, s.endpoint.Network, s.endpoint.Addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	for _, key := range keys {
		var n int64
		if err := conn.Do(ctx, radix.Cmd(&n, "MEMORY", "USAGE", key, "SAMPLES", "0")); err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
