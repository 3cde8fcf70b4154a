//go:build linux

package chaos

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// sentinel is a primary with a replica, and three sentinels that watch them. The hub listens to the primary: whatever happens
// to that happens to the hub's node.
type sentinel struct {
	topology
	*redisserver.Sentinel
}

// Sentinel starts a primary that sentinels watch.
func Sentinel(t testing.TB) System {
	t.Helper()
	s := redistest.PrivateSentinel(t, redisserver.SentinelOptions{Replicas: 1, Partitions: true})
	return &sentinel{topology{s.URL(), s.Servers(), s.Healthy}, s}
}

func (s *sentinel) URL(int) string { return s.url }

func (s *sentinel) Do(ctx context.Context, args ...string) (reply any, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	primary, err := s.Primary(ctx)
	if err != nil {
		return nil, err
	}
	err = primary.Do(ctx, &reply, args[0], args[1:]...)
	return reply, err
}

func (s *sentinel) Faults() []Kind {
	one := func(f Fault) *redisserver.Server { return s.Sentinels()[f.On%len(s.Sentinels())] }
	stopped := s.replaced((*redisserver.Server).Pause, s.resume)
	return append(s.commands(),
		Kind{Name: "primary killed", Weight: 2, Longest: time.Second, Strike: s.replaced((*redisserver.Server).Kill, s.Restart)},
		Kind{Name: primaryStopped, Weight: 2, Longest: time.Second, Strike: stopped},
		// A sentinel with it: to the others it is as if they were cut off.
		Kind{Name: minorityStopped, Weight: 2, Longest: time.Second, Strike: s.whole(func(ctx context.Context, f Fault) error {
			if err := one(f).Pause(); err != nil {
				return err
			}
			err := s.replace(ctx, f, (*redisserver.Server).Pause, s.resume)
			return errors.Join(err, one(f).Resume())
		})},
		// For a while two primaries take what clients send, and one sentinel tells the wrong one.
		Kind{Name: minorityCutOff, Weight: 2, Longest: time.Second, Strike: s.whole(func(ctx context.Context, f Fault) error {
			isolate := func(primary *redisserver.Server) error { s.Isolate(primary, one(f)); return nil }
			return s.replace(ctx, f, isolate, s.rejoin)
		})},
		Kind{Name: "planned fail-over", Weight: 2, Strike: s.whole(func(ctx context.Context, _ Fault) error {
			before, err := s.Primary(ctx)
			if err == nil {
				_, err = s.Failover(ctx)
			}
			if err != nil {
				return err
			}
			return s.learn(ctx, before)
		})},
	)
}

// resume lets a primary that has been replaced go on.
func (s *sentinel) resume(ctx context.Context, srv *redisserver.Server) error {
	if err := srv.Resume(); err != nil {
		return err
	}
	return s.learn(ctx, srv)
}

// rejoin ends the isolation of a primary that has been replaced.
func (s *sentinel) rejoin(ctx context.Context, srv *redisserver.Server) error {
	s.Rejoin()
	return s.learn(ctx, srv)
}

// learn lets a primary that has been replaced take itself for the primary for a while. Then it is told, for the sentinels let
// ten seconds pass, in which calls wait for a replica.
func (s *sentinel) learn(ctx context.Context, srv *redisserver.Server) error {
	wait(ctx, time.Second)
	successor, err := s.Primary(ctx)
	if err != nil || successor == srv {
		return err
	}
	return srv.Do(ctx, nil, "REPLICAOF", "127.0.0.1", strconv.Itoa(successor.Port()))
}

func (s *sentinel) replaced(down func(*redisserver.Server) error, up func(context.Context, *redisserver.Server) error) func(context.Context, Fault) error {
	return s.whole(func(ctx context.Context, f Fault) error { return s.replace(ctx, f, down, up) })
}

// replace takes the primary away until the replica has taken over, and a while longer.
func (s *sentinel) replace(ctx context.Context, f Fault, down func(*redisserver.Server) error, up func(context.Context, *redisserver.Server) error) error {
	primary, err := s.Primary(ctx)
	if err != nil {
		return err
	}
	if err := down(primary); err != nil {
		return err
	}
	_, err = s.Successor(ctx, primary)
	wait(ctx, f.For)
	return errors.Join(err, up(ctx, primary))
}
