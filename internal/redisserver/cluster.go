package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Slots is how many hash slots a cluster has.
const Slots = 16384

// ClusterOptions say how to run a cluster. The zero value is 3 primaries with a replica each.
type ClusterOptions struct {
	// Primaries is how many nodes share the slots. Defaults to 3.
	Primaries int

	// Replicas is how many each of them has; -1 for none. Defaults to 1.
	Replicas int

	// NodeTimeout is how long a node may be silent before the others hold it for dead. Defaults to 1s.
	NodeTimeout time.Duration

	// Partitions makes [Cluster.Isolate] possible: the nodes speak to each other through us.
	Partitions bool

	// Server is for every node. Its Port and Dir are not used.
	Server Options
}

// Cluster is a Redis Cluster on ports of 127.0.0.1. Its nodes are servers of their own: kill, pause and restart them as
// such. Its methods may be called from several goroutines.
type Cluster struct {
	opts  ClusterOptions
	nodes []*Server
	ids   []string     // of the nodes
	buses []*forwarder // with Partitions: what the others reach a node's bus port through
}

// StartCluster runs the nodes, joins them, and returns once every node says that the cluster is ready and every replica
// follows its primary. That takes three seconds or so, most of which Redis waits by itself.
func StartCluster(ctx context.Context, opts ClusterOptions) (*Cluster, error) {
	setDefault(&opts.Primaries, 3)
	setDefault(&opts.Replicas, 1)
	setDefault(&opts.NodeTimeout, time.Second)
	ctx, cancel := context.WithTimeout(ctx, defaultStartTimeout)
	defer cancel()
	c := &Cluster{opts: opts}
	err := c.startNodes(ctx, opts.Primaries*(1+max(opts.Replicas, 0)))
	if err == nil {
		err = c.join(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("redisserver: cluster: %w", err), c.Stop())
	}
	return c, nil
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// startNodes starts them side by side: primaries first in the list, then the first replica of each, and so on.
func (c *Cluster) startNodes(ctx context.Context, n int) error {
	nodes, buses, errs := make([]*Server, n), make([]*forwarder, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { nodes[i], buses[i], errs[i] = c.startNode(ctx) })
	}
	wg.Wait()
	for i := range n {
		if nodes[i] != nil {
			c.nodes = append(c.nodes, nodes[i])
		}
		if buses[i] != nil {
			c.buses = append(c.buses, buses[i])
		}
	}
	return errors.Join(errs...)
}

func (c *Cluster) startNode(ctx context.Context) (node *Server, bus *forwarder, err error) {
	opts := c.opts.Server
	opts.Dir, opts.Port = "", -1
	args := []string{
		"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
		"--cluster-node-timeout", strconv.FormatInt(c.opts.NodeTimeout.Milliseconds(), 10),
		"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
	}
	if c.opts.Partitions {
		if bus, err = forward(true, byHeader); err != nil {
			return nil, nil, err
		}
		args = append(args, "--cluster-announce-ip", "127.0.0.1", "--cluster-announce-bus-port", strconv.Itoa(bus.port()))
	}
	if opts.Password != "" {
		args = append(args, "--masterauth", opts.Password)
	}
	opts.Args = append(args, opts.Args...)
	if node, err = Start(ctx, opts); err == nil && bus != nil {
		bus.to(hostPort(node.port + 10000))
	}
	return node, bus, err
}

// join makes a cluster of the nodes, as redis-cli --cluster create does.
func (c *Cluster) join(ctx context.Context) error {
	c.ids = make([]string, len(c.nodes))
	for i, n := range c.nodes {
		if err := n.Do(ctx, &c.ids[i], "CLUSTER", "MYID"); err != nil {
			return err
		}
		if err := n.Do(ctx, nil, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	p := c.opts.Primaries
	for i, n := range c.nodes[:p] {
		args := []string{"ADDSLOTS"} // ADDSLOTSRANGE is younger than 6.2
		for slot := i * Slots / p; slot < (i+1)*Slots/p; slot++ {
			args = append(args, strconv.Itoa(slot))
		}
		if err := n.Do(ctx, nil, "CLUSTER", args...); err != nil {
			return err
		}
	}
	for i, n := range c.nodes[1:] {
		args := []string{"MEET", "127.0.0.1", strconv.Itoa(c.nodes[0].port), strconv.Itoa(c.busPort(0))}
		if err := n.Do(ctx, nil, "CLUSTER", args...); err != nil {
			return fmt.Errorf("node %d: %w", i+1, err)
		}
	}
	if err := c.await(ctx, "every node knows every other", c.acquainted); err != nil {
		return err
	}
	for i, n := range c.nodes[p:] {
		if err := n.Do(ctx, nil, "CLUSTER", "REPLICATE", c.ids[i%p]); err != nil {
			return fmt.Errorf("node %d: %w", p+i, err)
		}
	}
	return c.Healthy(ctx)
}

func (c *Cluster) busPort(i int) int {
	if c.opts.Partitions {
		return c.buses[i].port()
	}
	return c.nodes[i].port + 10000
}

// acquainted reports whether the node knows all others by their names.
func (c *Cluster) acquainted(ctx context.Context, n *Server) (bool, error) {
	var list string
	if err := n.Do(ctx, &list, "CLUSTER", "NODES"); err != nil {
		return false, err
	}
	for _, id := range c.ids {
		if !strings.Contains(list, id+" ") {
			return false, nil
		}
	}
	return !strings.Contains(list, "handshake"), nil
}

// Healthy waits until every node says that the cluster is well, all nodes agree about who is a primary of what, and
// every replica follows its primary: as it is after the start, or some seconds after the last fault.
func (c *Cluster) Healthy(ctx context.Context) error {
	if err := c.await(ctx, "the cluster is well", c.well); err != nil {
		return err
	}
	return c.await(ctx, "every node agrees with the first", func(ctx context.Context, n *Server) (bool, error) {
		first, err := c.view(ctx, c.nodes[0])
		if err != nil {
			return false, err
		}
		other, err := c.view(ctx, n)
		return err == nil && slices.Equal(first, other), err
	})
}

// well reports whether the node says that the cluster works, and that it follows its primary if it is a replica.
func (c *Cluster) well(ctx context.Context, n *Server) (bool, error) {
	info, err := n.info(ctx, "replication")
	if err != nil || info["role"] == "slave" && info["master_link_status"] != "up" || !streams(info) {
		return false, err
	}
	var state string
	err = n.Do(ctx, &state, "CLUSTER", "INFO")
	return strings.Contains(state, "cluster_state:ok") && strings.Contains(state, "cluster_slots_fail:0\r"), err
}

// await waits until cond is true of every node.
func (c *Cluster) await(ctx context.Context, what string, cond func(context.Context, *Server) (bool, error)) error {
	for i, n := range c.nodes {
		if err := poll(ctx, func() (bool, error) { return cond(ctx, n) }); err != nil {
			return fmt.Errorf("node %d: %s: %w", i, what, err)
		}
	}
	return nil
}

// poll asks cond until it is true, every ten milliseconds. An error of cond is a no.
func poll(ctx context.Context, cond func() (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := cond()
		if ok && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// URL is redis+cluster:// or rediss+cluster://host:port,host:port,… of all nodes.
func (c *Cluster) URL() string {
	hosts := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		hosts[i] = n.HostPort()
	}
	u := url.URL{Scheme: c.opts.Server.scheme() + "+cluster", User: c.nodes[0].userinfo(), Host: strings.Join(hosts, ",")}
	return u.String()
}

// Nodes are all nodes: first those that were primaries at the start, then their replicas in the same order.
func (c *Cluster) Nodes() []*Server { return slices.Clone(c.nodes) }

// Stop ends all nodes and removes their directories. Safe to call twice.
func (c *Cluster) Stop() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, n.Stop())
	}
	for _, b := range c.buses {
		b.close()
	}
	return errors.Join(errs...)
}
