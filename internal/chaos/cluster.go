//go:build linux

package chaos

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/thoonk-go/thoonk/internal/chaos/load"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// cluster is three primaries with a replica each.
type cluster struct {
	topology
	*redisserver.Cluster
}

// Cluster starts a Redis Cluster.
func Cluster(t testing.TB) System {
	t.Helper()
	c := redistest.PrivateCluster(t, redisserver.ClusterOptions{NodeTimeout: 2 * time.Second, Partitions: true})
	return &cluster{topology{c.URL(), c.Nodes(), c.Healthy}, c}
}

func (s *cluster) URL(int) string          { return s.url }
func (s *cluster) Naming() contract.Naming { return contract.Tagged }

// Do asks the owner of the first key, or about keys all primaries.
func (s *cluster) Do(ctx context.Context, args ...string) (reply any, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if args[0] == "KEYS" {
		return s.all(ctx, args)
	}
	key := args[1]
	if args[0] == "EVAL" {
		key = args[3] // after the script and the number of keys
	}
	owner, err := s.OwnerOf(ctx, key)
	if err != nil {
		return nil, err
	}
	err = owner.Do(ctx, &reply, args[0], args[1:]...)
	return reply, err
}

func (s *cluster) all(ctx context.Context, args []string) (any, error) {
	primaries, err := s.Primaries(ctx)
	var list []any
	for _, p := range primaries {
		var some []any
		err = errors.Join(err, p.Do(ctx, &some, args[0], args[1:]...))
		list = append(list, some...)
	}
	return list, err
}

func (s *cluster) Faults() []Kind {
	resume := func(_ context.Context, srv *redisserver.Server) error { return srv.Resume() }
	restart := func(ctx context.Context, srv *redisserver.Server) error { return srv.Restart(ctx) }
	isolate := func(srv *redisserver.Server) error { s.Isolate(srv); return nil }
	rejoin := func(context.Context, *redisserver.Server) error { s.Rejoin(); return nil }
	return append(s.commands(),
		Kind{Name: "primary killed", Weight: 2, Longest: time.Second, Strike: s.replaced((*redisserver.Server).Kill, restart)},
		Kind{Name: primaryStopped, Weight: 2, Longest: time.Second, Strike: s.replaced((*redisserver.Server).Pause, resume)},
		Kind{Name: minorityCutOff, Weight: 2, Longest: time.Second, Strike: s.replaced(isolate, rejoin)},
		Kind{Name: "planned fail-over", Weight: 2, Strike: s.whole(func(ctx context.Context, f Fault) error {
			primary, err := s.primary(ctx, f.On)
			if err == nil {
				_, err = s.Failover(ctx, primary)
			}
			return err
		})},
		Kind{Name: slotsMigrated, Weight: 4, Strike: s.whole(s.migrate)},
		Kind{Name: "hub's node killed", Weight: 2, Longest: time.Second, Strike: s.whole(func(ctx context.Context, f Fault) error {
			node, err := s.subscribed(ctx, f.On)
			if err != nil {
				return err
			}
			return s.lose(ctx, f, node, (*redisserver.Server).Kill, restart)
		})},
	)
}

func (s *cluster) primary(ctx context.Context, on int) (*redisserver.Server, error) {
	primaries, err := s.Primaries(ctx)
	if err != nil {
		return nil, err
	}
	return primaries[on%len(primaries)], nil
}

// replaced takes a primary away until its replica has taken over, and a while longer.
func (s *cluster) replaced(down func(*redisserver.Server) error, up func(context.Context, *redisserver.Server) error) func(context.Context, Fault) error {
	return s.whole(func(ctx context.Context, f Fault) error {
		primary, err := s.primary(ctx, f.On)
		if err != nil {
			return err
		}
		return s.lose(ctx, f, primary, down, up)
	})
}

// lose takes a node away for a while; a primary comes back when it has a successor, for it would come back empty.
func (s *cluster) lose(ctx context.Context, f Fault, node *redisserver.Server, down func(*redisserver.Server) error, up func(context.Context, *redisserver.Server) error) error {
	successor, none := s.ReplicaOf(ctx, node)
	if err := down(node); err != nil {
		return err
	}
	var err error
	if none == nil {
		err = successor.AwaitPrimary(ctx)
	}
	wait(ctx, f.For)
	return errors.Join(err, up(ctx, node))
}

// migrate moves the slots of some names that are worked on to one of the primaries. Nothing else strikes before that one's
// replica has them.
func (s *cluster) migrate(ctx context.Context, f Fault) error {
	names := []string{load.Queue, load.Set, load.Feed, load.News, load.Board, load.Ring}
	to, err := s.primary(ctx, f.On)
	if err != nil {
		return err
	}
	for i, name := range names {
		if (f.On>>i)&1 == 0 {
			err = errors.Join(err, s.Migrate(ctx, redisserver.Slot(s.Naming().Wire(name)), to))
		}
	}
	return errors.Join(err, to.AwaitReplicas(ctx))
}
