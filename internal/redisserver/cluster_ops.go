package redisserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mediocregopher/radix/v4"
)

// view is what a node says about who owns which slots: "first-last id", sorted; and the epoch. Two nodes that do not know of
// each other's epochs could take the same one when slots move to them, and then some node may believe the former owner for
// ever.
func (c *Cluster) view(ctx context.Context, n *Server) ([]string, error) {
	topo, err := n.topo(ctx)
	var list []string
	for _, node := range topo.Primaries() {
		for _, r := range node.Slots {
			list = append(list, fmt.Sprintf("%d-%d %s", r[0], r[1]-1, node.ID))
		}
	}
	slices.Sort(list)
	var info string
	err = errors.Join(err, n.Do(ctx, &info, "CLUSTER", "INFO"))
	for line := range strings.Lines(info) {
		if strings.HasPrefix(line, "cluster_current_epoch:") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list, err
}

func (s *Server) topo(ctx context.Context) (topo radix.ClusterTopo, err error) {
	err = s.Do(ctx, &topo, "CLUSTER", "SLOTS")
	return topo, err
}

// Owner is the node that serves a slot now, as the nodes that answer say.
func (c *Cluster) Owner(ctx context.Context, slot int) (*Server, error) {
	for _, n := range c.nodes {
		if !n.Running() {
			continue
		}
		topo, err := n.topo(ctx)
		if err != nil {
			continue
		}
		for _, node := range topo.Primaries() {
			for _, r := range node.Slots {
				if slot >= int(r[0]) && slot < int(r[1]) {
					return c.node(node.ID)
				}
			}
		}
	}
	return nil, fmt.Errorf("redisserver: nobody serves slot %d", slot)
}

// OwnerOf is the node that serves a key now.
func (c *Cluster) OwnerOf(ctx context.Context, key string) (*Server, error) {
	return c.Owner(ctx, Slot(key))
}

// Slot is the hash slot of a key.
func Slot(key string) int { return int(radix.ClusterSlot([]byte(key))) }

func (c *Cluster) node(id string) (*Server, error) {
	i := slices.Index(c.ids, id)
	if i < 0 {
		return nil, fmt.Errorf("redisserver: node %s is not ours", id)
	}
	return c.nodes[i], nil
}

func (c *Cluster) id(n *Server) string { return c.ids[slices.Index(c.nodes, n)] }

// Primaries are the nodes that are primaries now and run.
func (c *Cluster) Primaries(ctx context.Context) ([]*Server, error) {
	var list []*Server
	for _, n := range c.nodes {
		if n.Running() {
			info, err := n.info(ctx, "replication")
			if err != nil {
				return nil, err
			}
			if info["role"] == "master" {
				list = append(list, n)
			}
		}
	}
	return list, nil
}

// ReplicaOf is a running replica of a primary.
func (c *Cluster) ReplicaOf(ctx context.Context, primary *Server) (*Server, error) {
	for _, n := range c.nodes {
		if n == primary || !n.Running() {
			continue
		}
		info, err := n.info(ctx, "replication")
		if err != nil {
			return nil, err
		}
		if info["role"] == "slave" && info["master_port"] == strconv.Itoa(primary.port) {
			return n, nil
		}
	}
	return nil, errors.New("redisserver: it has no replica that runs")
}

// Failover is a planned fail-over: a replica of the primary takes over without losing anything. It returns when the
// replica says that it is the primary.
func (c *Cluster) Failover(ctx context.Context, primary *Server) (successor *Server, err error) {
	if successor, err = c.ReplicaOf(ctx, primary); err != nil {
		return nil, err
	}
	if err = successor.Do(ctx, nil, "CLUSTER", "FAILOVER"); err != nil {
		return nil, err
	}
	return successor, successor.AwaitPrimary(ctx)
}

// AwaitPrimary waits until the server says that it is a primary.
func (s *Server) AwaitPrimary(ctx context.Context) error {
	return poll(ctx, func() (bool, error) {
		info, err := s.info(ctx, "replication")
		return info["role"] == "master", err
	})
}

// Migrate moves a slot with its keys to another primary, as redis-cli --cluster reshard does.
func (c *Cluster) Migrate(ctx context.Context, slot int, to *Server) error {
	from, err := c.Owner(ctx, slot)
	if err != nil || from == to {
		return err
	}
	number := strconv.Itoa(slot)
	if err := to.Do(ctx, nil, "CLUSTER", "SETSLOT", number, "IMPORTING", c.id(from)); err != nil {
		return err
	}
	if err := from.Do(ctx, nil, "CLUSTER", "SETSLOT", number, "MIGRATING", c.id(to)); err != nil {
		return err
	}
	if err := moveKeys(ctx, from, to, number); err != nil {
		return err
	}
	// The new owner first, so that no node sends anybody to an owner that does not know.
	if err := to.Do(ctx, nil, "CLUSTER", "SETSLOT", number, "NODE", c.id(to)); err != nil {
		return err
	}
	primaries, err := c.Primaries(ctx)
	for _, n := range primaries {
		if n != to {
			err = errors.Join(err, n.Do(ctx, nil, "CLUSTER", "SETSLOT", number, "NODE", c.id(to)))
		}
	}
	return err
}

// AwaitReplicas waits until the replicas of a node have all that it has done until now. Migrate does not wait for them: if
// the new owner dies before they have what came, it is lost.
func (s *Server) AwaitReplicas(ctx context.Context) error {
	offset := -1
	return poll(ctx, func() (bool, error) {
		info, err := s.info(ctx, "replication")
		if err != nil {
			return false, err
		}
		if offset < 0 {
			offset, err = strconv.Atoi(info["master_repl_offset"])
		}
		return acknowledged(info) >= offset, err
	})
}

func moveKeys(ctx context.Context, from, to *Server, slot string) error {
	for {
		var keys []string
		if err := from.Do(ctx, &keys, "CLUSTER", "GETKEYSINSLOT", slot, "10"); err != nil || len(keys) == 0 {
			return err
		}
		args := []string{"127.0.0.1", strconv.Itoa(to.port), "", "0", "10000"}
		if from.opts.Password != "" {
			args = append(args, "AUTH", from.opts.Password)
		}
		args = append(append(args, "KEYS"), keys...)
		if err := from.Do(ctx, nil, "MIGRATE", args...); err != nil {
			return err
		}
	}
}

// acknowledged is how far the replica is that is furthest behind.
func acknowledged(replication map[string]string) int {
	least := math.MaxInt
	for k, v := range replication {
		n, isReplica := strings.CutPrefix(k, "slave")
		if _, err := strconv.Atoi(n); !isReplica || err != nil {
			continue
		}
		_, v, _ = strings.Cut(v, "offset=")
		v, _, _ = strings.Cut(v, ",")
		offset, _ := strconv.Atoi(v)
		least = min(least, offset)
	}
	return least
}

// streams reports whether a server sends what it does to all of its replicas. After the first synchronisation it does
// not before a replica has acknowledged that: if it dies until then, nothing that it did since is on the replica.
func streams(replication map[string]string) bool {
	for k, v := range replication {
		n, isReplica := strings.CutPrefix(k, "slave")
		if _, err := strconv.Atoi(n); isReplica && err == nil && (!strings.Contains(v, "state=online") || strings.Contains(v, "offset=0,")) {
			return false
		}
	}
	return true
}

// info is the fields of a section of INFO.
func (s *Server) info(ctx context.Context, section string) (map[string]string, error) {
	var text string
	if err := s.Do(ctx, &text, "INFO", section); err != nil {
		return nil, err
	}
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[k] = v
		}
	}
	return fields, nil
}

// Isolate cuts a node off from all others, as the failure of a network would: their links break, clients still reach
// it. It needs [ClusterOptions.Partitions].
func (c *Cluster) Isolate(n *Server) {
	id := c.id(n)
	c.partition(func(a, b string) bool { return (a == id) == (b == id) })
	n.setAway(true)
}

// Unlink breaks the link on which a node hears from another one, and keeps it from being made again. All nodes are well, for
// all other links are. It needs [ClusterOptions.Partitions].
func (c *Cluster) Unlink(from, to *Server) {
	sender, receiver := c.id(from), c.id(to)
	c.partition(func(a, b string) bool { return a != sender || b != receiver })
}

// Rejoin ends what Isolate and Unlink have done.
func (c *Cluster) Rejoin() {
	c.partition(func(a, b string) bool { return true })
	for _, n := range c.nodes {
		n.setAway(false)
	}
}

// partition says from whom (a) each node (b) hears.
func (c *Cluster) partition(together func(a, b string) bool) {
	for i, b := range c.buses {
		b.allow(func(sender string) bool { return together(sender, c.ids[i]) })
	}
}
