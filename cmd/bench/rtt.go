package main

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/delay"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
)

// A distance is where what is measured finds the server: at the server's own address, or at a forwarder's that makes each
// round trip longer. What fills, checks and cleans up is always near.
type distance struct {
	url      string
	endpoint direct.Endpoint
	trip     time.Duration // what a round trip to a forwarder takes; 0 without one
}

// behind puts a forwarder between the server and what is measured, which is opened after that. A round trip is longer by rtt
// then, of which the forwarder's own work is part.
func (e *Env) behind(ctx context.Context, rtt time.Duration) (err error) {
	if rtt > 0 {
		near, err := roundTrip(ctx, e.srv.endpoint)
		if err != nil {
			return err
		}
		detour, err := e.at(ctx, 0)
		if err != nil {
			return err
		}
		rtt -= max(min(detour.trip-near, rtt/5), 0) // more than a fifth is not work, but a machine that is busy
	}
	e.far, err = e.at(ctx, rtt)
	return err
}

// at starts a forwarder that holds replies back for that long.
func (e *Env) at(ctx context.Context, delay time.Duration) (far distance, err error) {
	if far.url, err = e.forward(delay); err != nil {
		return far, err
	}
	if far.endpoint, err = direct.Parse(far.url); err != nil {
		return far, err
	}
	far.trip, err = roundTrip(ctx, far.endpoint)
	return far, err
}

// depth is how many calls a ceiling has in flight: four keep the server busy, and more are needed to fill the way.
func (e *Env) depth() int {
	const perCall = 100 * time.Microsecond   // of the fastest scripts
	return 4 + 2*int(e.far.trip/(2*perCall)) // even, as ceilings of job sets need it
}

// forward starts a forwarder to the server and returns the server's URL with its address in it.
func (e *Env) forward(rtt time.Duration) (string, error) {
	to := e.srv.endpoint
	u := url.URL{Scheme: "redis", Path: "/" + to.DB}
	if to.Password != "" {
		u.User = url.UserPassword(to.User, to.Password)
	}
	f, err := delay.Spawn(to.Network, e.srv.url, rtt)
	if err != nil {
		return "", err
	}
	e.AtEnd(f.Close)
	if to.Network == "unix" {
		u.Scheme, u.Path = "unix", f.Addr
		if to.DB != "" {
			u.RawQuery = "db=" + to.DB
		}
	} else {
		u.Host = f.Addr
	}
	return u.String(), nil
}

// Of a round trip that takes long, fewer are measured.
const (
	mostTrips  = 25
	leastTrips = 3
	tripsTake  = 2 * time.Second
)

// roundTrip is how long a PING takes to that server: the median of some. It ends with ctx.
func roundTrip(ctx context.Context, to direct.Endpoint) (time.Duration, error) {
	conn, err := to.Dial(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var took []time.Duration
	err = conn.Within(ctx, func() error {
		begun := time.Now()
		for len(took) < mostTrips && (len(took) < leastTrips || time.Since(begun) < tripsTake) {
			start := time.Now()
			if _, err := conn.Do("PING"); err != nil {
				return err
			}
			took = append(took, time.Since(start))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
