package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
)

func init() {
	register(Scenario{
		Name:    "topology/spread",
		Doc:     "callers publish to -names feeds on a topology of redis-servers that it starts: -topology cluster:1 … 9, sentinel or single",
		Private: true,
		NoRate:  true,
		Flags: func(fs *pflag.FlagSet) {
			topologyFlag(fs)
			intFlag(fs, "names", spreadNames, "topology/spread: feeds that callers publish to")
		},
		Check: func(fs *pflag.FlagSet) error {
			_, _, err := readTopology(fs)
			return err
		},
		Systems: map[string]System{report.Thoonk: spreadThoonk},
	})
}

// spreadNames is how many feeds topology/spread has without -names, which feed/names has declared with another default.
const spreadNames = 300

func (e *Env) spreadNames() int {
	if !e.set.Changed("names") {
		return spreadNames
	}
	return e.Int("names")
}

func topologyFlag(fs *pflag.FlagSet) {
	if fs.Lookup("topology") == nil {
		fs.String("topology", "cluster:3", "topology/…: single, sentinel, or cluster:`n` with n primaries; single has nobody to fail over to")
	}
}

// What -topology can say.
const (
	topologySingle   = "single"
	topologySentinel = "sentinel"
	topologyCluster  = "cluster" // of 3 without a number
)

// readTopology is what -topology says. Of a cluster there are n primaries.
func readTopology(fs *pflag.FlagSet) (kind string, n int, err error) {
	topology, _ := fs.GetString("topology")
	switch topology {
	case topologySingle, topologySentinel:
		return topology, 1, nil
	case topologyCluster:
		return topology, 3, nil
	}
	for n := 1; n <= 9; n++ {
		if topology == fmt.Sprintf("%s:%d", topologyCluster, n) {
			return topologyCluster, n, nil
		}
	}
	return "", 0, fmt.Errorf("-topology is %q: want single, sentinel or cluster:n with n from 1 to 9", topology)
}

// startTopology starts what -topology says, and returns its URL and its primaries.
func startTopology(ctx context.Context, e *Env) (url string, primaries []*redisserver.Server, err error) {
	kind, n, err := readTopology(e.set)
	if err != nil {
		return "", nil, err
	}
	switch kind {
	case topologySingle:
		srv, err := redisserver.Start(ctx, redisserver.Options{Port: -1})
		if err != nil {
			return "", nil, err
		}
		e.AtEnd(srv.Stop)
		return srv.TCPURL(), []*redisserver.Server{srv}, nil
	case topologySentinel:
		s, err := redisserver.StartSentinel(ctx, redisserver.SentinelOptions{})
		if err != nil {
			return "", nil, err
		}
		e.AtEnd(s.Stop)
		return s.URL(), s.Servers()[:1], nil
	}
	c, err := redisserver.StartCluster(ctx, redisserver.ClusterOptions{Primaries: n, Replicas: -1})
	if err != nil {
		return "", nil, err
	}
	e.AtEnd(c.Stop)
	return c.URL(), c.Nodes(), nil
}

// spreadThoonk publishes to many feeds, one item per call.
func spreadThoonk(ctx context.Context, e *Env) (Result, error) {
	url, primaries, err := startTopology(ctx, e)
	if err != nil {
		return Result{}, err
	}
	eng, err := e.EngineWith(ctx, engine.Config{URL: url})
	if err != nil {
		return Result{}, err
	}
	feeds := make([]*feed.Feed, e.spreadNames())
	for i := range feeds {
		if feeds[i], err = eng.Feed(ctx, fmt.Sprintf("spread-%d", i), feed.Config{}); err != nil {
			return Result{}, err
		}
	}
	var last load.Stats
	var before, after []float64
	r, err := e.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		var err, err1, err2 error
		before, err1 = processorTimes(ctx, primaries)
		last, err = load.Closed(ctx, e.callers, d, func(ctx context.Context, caller, n int) error {
			_, err := feeds[spread(caller, n)%len(feeds)].Publish(ctx, e.payloads.at(spread(caller, n)))
			return err
		})
		after, err2 = processorTimes(context.WithoutCancel(ctx), primaries)
		return last.Calls, last.Elapsed, errors.Join(err, err1, err2)
	})
	if err != nil || r.Ops == 0 {
		return r, err
	}
	r.Callers = e.callers
	r.Latencies(last.Latency)
	tellNodes(&r, before, after)
	return r, checkSpread(context.WithoutCancel(ctx), feeds, r.Total)
}

// processorTimes are the seconds that the servers have used.
func processorTimes(ctx context.Context, servers []*redisserver.Server) ([]float64, error) {
	times := make([]float64, len(servers))
	for i, s := range servers {
		var text string
		if err := s.Do(ctx, &text, "INFO", "cpu"); err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), ":")
			if k == "used_cpu_user" || k == "used_cpu_sys" {
				f, err := strconv.ParseFloat(v, 64)
				if err != nil {
					return nil, err
				}
				times[i] += f
			}
		}
	}
	return times, nil
}

// tellNodes adds what each node did. What they would do with a core each is calculated: the busiest one is busy all the
// time then, and the others as much less as they were here.
func tellNodes(r *Result, before, after []float64) {
	sum, busiest := 0.0, 0.0
	for i := range before {
		used := after[i] - before[i]
		sum, busiest = sum+used, max(busiest, used)
		r.Set(fmt.Sprintf("node_%d_cpu_percent", i+1), 100*used/r.Seconds)
	}
	r.RedisCPU = report.Of(sum / float64(r.Ops) * 1e6)
	if busiest > 0 {
		r.Set("calculated_ops_per_s_with_a_core_per_node", float64(r.Ops)/busiest)
	}
}

// checkSpread is an error unless the feeds have together what was published.
func checkSpread(ctx context.Context, feeds []*feed.Feed, published int64) error {
	stored := int64(0)
	for _, f := range feeds {
		n, err := f.Len(ctx)
		if err != nil {
			return err
		}
		stored += int64(n)
	}
	return same("the number of items in all feeds", stored, published)
}
