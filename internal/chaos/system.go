//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A System is the Redis that processes work on, in some topology, and what can be done to it.
type System interface {
	// URL is where the process of that number connects, through one of the proxies.
	URL(process int) string
	// Direct is where the audit connects, past all proxies.
	Direct() string
	// Proxies are all ways to the system; none where clients find the servers by themselves.
	Proxies() []*redistest.Proxy
	// Faults are what can happen to its servers.
	Faults() []Kind
	// Heal ends all faults of the servers, and returns when the system works again.
	Heal(ctx context.Context) error
	// Naming is how names are written in the keys of Do.
	Naming() contract.Naming
	// Replicas is how many must have what a call wrote before it is acknowledged.
	Replicas() int
	// Do runs a command where the data is, past all proxies.
	Do(ctx context.Context, args ...string) (any, error)
}

// standalone is one redis-server that writes every command to disk before it answers, with some proxies in front of it.
type standalone struct {
	t       testing.TB
	server  *redisserver.Server
	proxies []*redistest.Proxy
	clock   *clock // the server's; nil: it cannot be shifted
}

// way is what proxy i adds to each round trip. Half of the processes are so far away that they have more batches
// under way.
func way(i int) time.Duration { return time.Duration(i%2) * 2 * time.Millisecond }

// Standalone starts a server with n proxies.
func Standalone(t testing.TB, n int) System {
	t.Helper()
	s := &standalone{t: t}
	opts := redisserver.Options{Persist: true, Args: []string{ // or a long run's log would take ever longer to load
		"--auto-aof-rewrite-percentage", "100", "--auto-aof-rewrite-min-size", "16mb",
	}}
	if s.clock = newClock(t); s.clock != nil {
		opts.Env = s.clock.env()
	}
	s.server = redistest.Private(t, opts)
	for i := range n {
		p := redistest.NewProxy(t, s.server.URL())
		p.Delay(way(i))
		s.proxies = append(s.proxies, p)
	}
	return s
}

func (s *standalone) URL(process int) string      { return s.proxies[process%len(s.proxies)].URL() }
func (s *standalone) Direct() string              { return s.server.URL() }
func (s *standalone) Proxies() []*redistest.Proxy { return s.proxies }
func (s *standalone) Naming() contract.Naming     { return contract.Plain }
func (s *standalone) Replicas() int               { return 0 }

func (s *standalone) Do(ctx context.Context, args ...string) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	network, addr := s.server.Addr()
	conn, err := radix.Dialer{}.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var reply any
	err = conn.Do(ctx, radix.Cmd(&reply, args[0], args[1:]...))
	return reply, err
}

func (s *standalone) Faults() []Kind {
	lasting := func(begin, end func(ctx context.Context) error) func(context.Context, Fault) error {
		return func(ctx context.Context, f Fault) error {
			if err := begin(ctx); err != nil {
				return err
			}
			wait(ctx, f.For)
			return end(context.WithoutCancel(ctx))
		}
	}
	command := func(args ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := s.Do(ctx, args...)
			return err
		}
	}
	once := func(args ...string) func(context.Context, Fault) error {
		return func(ctx context.Context, _ Fault) error { return command(args...)(ctx) }
	}
	kinds := []Kind{
		{Name: "server killed", Weight: 2, Longest: time.Second, Strike: lasting(
			func(context.Context) error { return s.server.Kill() }, s.restart)},
		{Name: "server stopped", Weight: 2, Longest: 3 * time.Second, Strike: lasting(
			func(context.Context) error { return s.server.Pause() }, func(context.Context) error { return s.server.Resume() })},
		{Name: "scripts flushed", Weight: 2, Strike: once("SCRIPT", "FLUSH")},
		{Name: "clients killed", Weight: 2, Strike: once("CLIENT", "KILL", "TYPE", "normal")},
		{Name: "subscribers killed", Weight: 2, Strike: once("CLIENT", "KILL", "TYPE", "pubsub")},
		{Name: "out of memory", Weight: 2, Longest: time.Second, Strike: lasting(
			command("CONFIG", "SET", "maxmemory", "1"), command("CONFIG", "SET", "maxmemory", "0"))},
		{Name: "read-only", Weight: 2, Longest: time.Second, Strike: lasting(
			command("REPLICAOF", "127.0.0.1", "1"), command("REPLICAOF", "NO", "ONE"))},
	}
	if s.clock != nil {
		kinds = append(kinds, Kind{Name: serverClock, Weight: 2, Strike: s.jump})
	}
	return kinds
}

// jump puts the server's clock forward or back, up to twice a lease from the true time.
func (s *standalone) jump(_ context.Context, f Fault) error {
	return s.clock.shift(time.Duration(f.On%9-4) * 750 * time.Millisecond)
}

// restart starts the server again. Loading its data takes a while on a busy machine, and then another attempt.
func (s *standalone) restart(ctx context.Context) (err error) {
	for range 4 {
		if err = s.server.Restart(ctx); err == nil {
			return nil
		}
	}
	return err
}

func (s *standalone) Heal(ctx context.Context) error {
	if s.clock != nil {
		if err := s.clock.shift(0); err != nil {
			return err
		}
	}
	_ = s.server.Resume() // of one that is not paused: no harm
	if _, err := s.Do(ctx, "PING"); err != nil {
		if err := s.restart(ctx); err != nil {
			return err
		}
	}
	_, oom := s.Do(ctx, "CONFIG", "SET", "maxmemory", "0")
	_, readOnly := s.Do(ctx, "REPLICAOF", "NO", "ONE")
	if err := errors.Join(oom, readOnly); err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	return nil
}

// wait lets time pass.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
