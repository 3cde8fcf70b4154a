package topology

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediocregopher/radix/v4"
)

// hushFor is how long a node that does not answer is not asked first: who hangs would make each look take as long as a
// question may.
const hushFor = 5 * time.Second

// nodes know who serves which slots of a cluster. One of them is asked: the one that somebody was sent to, else the hub's,
// which alone knows whether it hears from the others, else the one that answered last, the primaries, the replicas and
// those that the URL names, until one answers. A node that was cut off from the others may not know of a fail-over: then
// it says that the cluster is down, or has an epoch that is over. If nobody knows of a newer one, an epoch that is over
// counts when most primaries are in it: whoever told of the newer one is gone, or the cluster has been made anew.
type nodes struct {
	n      *Network
	addrs  []string // all that we know of, those that failed last at the end
	askers askers
	epoch  int       // of the last view
	hush   time.Time // the hub's node did not answer: it is not asked first until then
}

func (s *nodes) look(ctx context.Context, hint string) (*view, error) {
	hub := s.n.hub()
	if hint == "" && time.Now().After(s.hush) {
		hint = hub
	}
	if hint != "" {
		s.first(hint)
	}
	var errs []error
	var over *told                  // in an epoch that is over, as most primaries are
	older := make(map[int][]string) // nodes that answered so, by epoch
	for _, addr := range slices.Clone(s.addrs) {
		t, err := s.ask(ctx, addr)
		if err == nil && t.epoch >= s.epoch {
			return s.accept(t), nil
		}
		if err == nil {
			older[t.epoch] = append(older[t.epoch], addr)
			if t.most(older[t.epoch]) {
				over = t
			}
			err = fmt.Errorf("it is in epoch %d, others were in epoch %d", t.epoch, s.epoch)
		}
		if addr == hub {
			s.hush = time.Now().Add(hushFor)
		}
		errs = append(errs, fmt.Errorf("%s: %w", addr, err))
		if ctx.Err() != nil {
			break
		}
		s.last(addr)
	}
	if over != nil {
		return s.accept(over), nil
	}
	return nil, fmt.Errorf("no node tells about the cluster: %w", errors.Join(errs...))
}

// told is what a node says.
type told struct {
	addr  string
	topo  radix.ClusterTopo
	epoch int
	links inbound
}

// most reports whether these nodes are most of the primaries.
func (t *told) most(addrs []string) bool {
	n := 0
	primaries := t.topo.Primaries()
	for _, node := range primaries {
		if slices.Contains(addrs, node.Addr) {
			n++
		}
	}
	return 2*n > len(primaries)
}

func (s *nodes) accept(t *told) *view {
	s.epoch = t.epoch
	s.know(t.addr, t.topo)
	s.n.deafened(t)
	return fromTopo(t.topo)
}

func (s *nodes) ask(ctx context.Context, addr string) (*told, error) {
	a := s.askers.of(addr, func() *asker {
		return &asker{addr: addr, limit: s.n.cfg.askFor(), dial: func(ctx context.Context, addr string) (radix.Conn, error) {
			return s.n.dialer.Dial(ctx, "tcp", addr)
		}}
	})
	t := &told{addr: addr}
	var info string
	p := radix.NewPipeline()
	p.Append(radix.Cmd(&info, "CLUSTER", "INFO"))
	p.Append(radix.Cmd(&t.topo, "CLUSTER", "SLOTS"))
	p.Append(radix.Cmd(&t.links, "CLUSTER", "LINKS"))
	if err := a.ask(ctx, p); err != nil {
		return nil, err
	}
	for line := range strings.Lines(info) {
		switch k, v, _ := strings.Cut(strings.TrimSpace(line), ":"); k {
		case "cluster_state":
			if v != "ok" {
				return nil, errors.New("it says that the cluster is down")
			}
		case "cluster_current_epoch":
			t.epoch, _ = strconv.Atoi(v)
		}
	}
	if len(t.topo) == 0 {
		return nil, errors.New("it serves no slots and knows of none")
	}
	// A node that does not know its own address leaves the host out.
	host, _, _ := net.SplitHostPort(addr)
	for i := range t.topo {
		t.topo[i].Addr = at(host, t.topo[i].Addr)
	}
	return t, nil
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
