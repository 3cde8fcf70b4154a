//go:build linux

package chaos

import (
	"context"
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A topology is what systems of several servers have in common. Clients find the servers by themselves, so nothing stands in
// between; and calls wait for a replica, for replication is asynchronous: a fail-over loses what no replica has, and nothing
// else may be missing. There is one replica of each primary, so that it is the one that takes over.
type topology struct {
	url     string
	servers []*redisserver.Server
	healthy func(context.Context) error
}

// recovery is how long a fail-over and all that follows it may take on a busy machine.
const recovery = 45 * time.Second

func (s *topology) URL(int) string                 { return s.url }
func (s *topology) Direct() string                 { return s.url }
func (s *topology) Proxies() []*redistest.Proxy    { return nil }
func (s *topology) Naming() contract.Naming        { return contract.Plain }
func (s *topology) Replicas() int                  { return 1 }
func (s *topology) Heal(ctx context.Context) error { return s.healthy(ctx) }

// whole makes a strike that ends with all servers well, also when its context ends before: another fault while a replica
// is away could take the only server that has what was acknowledged.
func (s *topology) whole(strike func(context.Context, Fault) error) func(context.Context, Fault) error {
	return func(ctx context.Context, f Fault) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recovery)
		defer cancel()
		if err := strike(ctx, f); err != nil {
			return err
		}
		return s.healthy(ctx)
	}
}

// commands are the faults that one command to one of the servers makes.
func (s *topology) commands() []Kind {
	to := func(cmd string, args ...string) func(context.Context, Fault) error {
		return func(ctx context.Context, f Fault) error {
			return s.servers[f.On%len(s.servers)].Do(ctx, nil, cmd, args...)
		}
	}
	return []Kind{
		{Name: "scripts flushed", Weight: 2, Strike: to("SCRIPT", "FLUSH")},
		{Name: "clients killed", Weight: 2, Strike: to("CLIENT", "KILL", "TYPE", "normal")},
		{Name: "subscribers killed", Weight: 2, Strike: to("CLIENT", "KILL", "TYPE", "pubsub")},
	}
}

// subscribed is a server that has subscribers: where an engine is told the messages.
func (s *topology) subscribed(ctx context.Context, on int) (*redisserver.Server, error) {
	from := on % len(s.servers)
	for _, srv := range slices.Concat(s.servers[from:], s.servers[:from]) {
		var list string
		if err := srv.Do(ctx, &list, "CLIENT", "LIST", "TYPE", "pubsub"); err != nil || list != "" {
			return srv, err
		}
	}
	return s.servers[from], nil // they are all on the way to one
}
