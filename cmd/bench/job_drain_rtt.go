package main

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/delay"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
)

func init() {
	register(Scenario{
		Name: "job/drain-rtt",
		Doc:  "job/drain with -rtt added to each round trip by a forwarder in this process; \"without\" has the forwarder only",
		Flags: func(fs *pflag.FlagSet) {
			workersFlag(fs)
			if fs.Lookup("rtt") == nil {
				fs.Duration("rtt", time.Millisecond, "what job/drain-rtt adds to a round trip")
			}
		},
		Systems: map[string]System{
			report.Thoonk: func(ctx context.Context, e *Env) (Result, error) {
				rtt, err := e.set.GetDuration("rtt")
				if err != nil {
					return Result{}, err
				}
				return drainBehind(ctx, e, rtt)
			},
			"without": func(ctx context.Context, e *Env) (Result, error) {
				r, err := drainBehind(ctx, e, 0)
				r.Batch = nil
				return r, err
			},
		},
	})
}

// drainBehind is job/drain on an engine that is that far away.
func drainBehind(ctx context.Context, e *Env, rtt time.Duration) (Result, error) {
	at, err := e.forward(rtt)
	if err != nil {
		return Result{}, err
	}
	took, err := e.roundTrip(ctx, at)
	if err != nil {
		return Result{}, err
	}
	r, err := drainThrough(ctx, e, engine.Config{URL: at})
	r.Set("rtt_us", float64(took.Microseconds()))
	return r, err
}

// forward starts a forwarder to the server and returns the server's URL with its address in it.
func (e *Env) forward(rtt time.Duration) (string, error) {
	to := e.srv.endpoint
	u := url.URL{Scheme: "redis", Path: "/" + to.DB}
	if to.Password != "" {
		u.User = url.UserPassword(to.User, to.Password)
	}
	network, addr := "tcp", "127.0.0.1:0"
	if to.Network == "unix" {
		dir, err := redisserver.SocketDir()
		if err != nil {
			return "", err
		}
		e.AtEnd(func() error { return os.RemoveAll(dir) })
		network, addr = "unix", filepath.Join(dir, "far.sock")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return "", err
	}
	f := delay.Start(l, rtt, func(ctx context.Context) (net.Conn, error) { return to.DialContext(ctx, to.Network, to.Addr) })
	e.AtEnd(f.Close)
	if network == "unix" {
		u.Scheme, u.Path = "unix", addr
		if to.DB != "" {
			u.RawQuery = "db=" + to.DB
		}
	} else {
		u.Host = l.Addr().String()
	}
	return u.String(), nil
}

// roundTrip is how long a PING takes to that server: the median of some.
func (e *Env) roundTrip(ctx context.Context, at string) (time.Duration, error) {
	to, err := direct.Parse(at)
	if err != nil {
		return 0, err
	}
	conn, err := to.Dial(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	took := make([]time.Duration, 25)
	for i := range took {
		start := time.Now()
		if _, err := conn.Do("PING"); err != nil {
			return 0, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
