package topology

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/mediocregopher/radix/v4"
)

// nodes know who serves which slots of a cluster. One of them is asked: the one that somebody was sent to, else the one
// that answered last, else the primaries, the replicas and those that the URL names, until one answers. A node that
// was cut off from the others may not know of a fail-over: then it says that the cluster is down, or has an epoch that
// is over.
type nodes struct {
	n      *Network
	addrs  []string // all that we know of, those that failed last at the end
	askers askers
	epoch  int // of the last view
}

func (s *nodes) look(ctx context.Context, hint string) (*view, error) {
	if hint != "" {
		s.first(hint)
	}
	var errs []error
	for _, addr := range slices.Clone(s.addrs) {
		topo, err := s.ask(ctx, addr)
		if err == nil {
			s.know(addr, topo)
			return fromTopo(topo), nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", addr, err))
		if ctx.Err() != nil {
			break
		}
		s.last(addr)
	}
	return nil, fmt.Errorf("no node tells about the cluster: %w", errors.Join(errs...))
}

func (s *nodes) ask(ctx context.Context, addr string) (topo radix.ClusterTopo, err error) {
	a := s.askers.of(addr, func() *asker {
		return &asker{addr: addr, dial: func(ctx context.Context, addr string) (radix.Conn, error) {
			return s.n.dialer.Dial(ctx, "tcp", addr)
		}}
	})
	var info string
	p := radix.NewPipeline()
	p.Append(radix.Cmd(&info, "CLUSTER", "INFO"))
	p.Append(radix.Cmd(&topo, "CLUSTER", "SLOTS"))
	if err = a.ask(ctx, p); err != nil {
		return nil, err
	}
	epoch := 0
	for line := range strings.Lines(info) {
		switch k, v, _ := strings.Cut(strings.TrimSpace(line), ":"); k {
		case "cluster_state":
			if v != "ok" {
				return nil, errors.New("it says that the cluster is down")
			}
		case "cluster_current_epoch":
			epoch, _ = strconv.Atoi(v)
		}
	}
	if epoch < s.epoch {
		return nil, fmt.Errorf("it is in epoch %d, others are in epoch %d", epoch, s.epoch)
	}
	if len(topo) == 0 {
		return nil, errors.New("it serves no slots and knows of none")
	}
	s.epoch = epoch
	// A node that does not know its own address leaves the host out.
	host, _, _ := net.SplitHostPort(addr)
	for i := range topo {
		topo[i].Addr = at(host, topo[i].Addr)
	}
	return topo, nil
}

// at fills in the host where a node left it out.
func at(host, addr string) string {
	if strings.HasPrefix(addr, ":") {
		return net.JoinHostPort(host, addr[1:])
	}
	return addr
}

// know keeps the addresses of all nodes: the one that answered, the primaries, the replicas, and the URL's.
func (s *nodes) know(addr string, topo radix.ClusterTopo) {
	list := []string{addr}
	add := func(more string) {
		if !slices.Contains(list, more) {
			list = append(list, more)
		}
	}
	for _, node := range topo.Primaries() {
		add(node.Addr)
	}
	for _, node := range topo {
		add(node.Addr)
	}
	for _, more := range s.n.at.addrs {
		add(more)
	}
	s.addrs = list
	for known, a := range s.askers {
		if known != addr { // one connection is enough
			a.close()
			delete(s.askers, known)
		}
	}
}

func (s *nodes) first(addr string) {
	s.addrs = slices.Insert(slices.DeleteFunc(s.addrs, func(a string) bool { return a == addr }), 0, addr)
}

func (s *nodes) last(addr string) {
	s.addrs = append(slices.DeleteFunc(s.addrs, func(a string) bool { return a == addr }), addr)
}

func (s *nodes) close() { s.askers.close() }
