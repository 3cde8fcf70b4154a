package topology

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/mediocregopher/radix/v4"
)

// sentinels know which server is the primary. All of them are asked, and the newest answer counts: one that was cut off
// from the others may not know of a fail-over. An older one than before counts if most of them give it: they have been
// set up anew, and count epochs from the beginning. While one of them has a fail-over under way they are asked again at
// once: where that was planned, the old primary goes on taking writes, which are lost. Nor is a newer answer than all before
// kept waiting for a sentinel that hangs, as all do that are behind a partition.
type sentinels struct {
	n      *Network
	addrs  []string // of the URL, and what they say about each other
	askers askers
	epoch  int // of the last view
}

// answer is what one sentinel says.
type answer struct {
	primary string
	epoch   int
	failing bool // it has a fail-over under way, and tells no successor yet
	others  []string
	err     error
}

func (s *sentinels) look(ctx context.Context, _ string) (*view, error) {
	answers := make(chan answer, len(s.addrs))
	for _, addr := range s.addrs {
		a := s.askers.of(addr, func() *asker { return s.asker(addr) })
		go func() { answers <- s.ask(ctx, a) }()
	}
	var errs []error
	type belief struct {
		primary string
		epoch   int
	}
	var newest, most *belief // nil: none is new enough; no majority agrees
	votes := make(map[belief]int)
	for range cap(answers) {
		a := <-answers
		if a.err != nil {
			errs = append(errs, a.err)
			continue
		}
		if a.failing {
			s.n.hint("")
		}
		b := belief{a.primary, a.epoch}
		votes[b]++
		if b.epoch >= s.epoch && (newest == nil || b.epoch >= newest.epoch) {
			newest = &b
		}
		if votes[b] > (len(a.others)+1)/2 {
			most = &b
		}
		s.learn(a.others)
		if newest != nil && newest.epoch > s.epoch && s.n.view.Load() != nil {
			s.n.hint("") // another may know more
			break
		}
	}
	if newest == nil {
		newest = most
	}
	switch {
	case newest != nil:
		s.epoch = newest.epoch
		return single(newest.primary), nil
	case len(errs) == 0:
		return nil, errors.New("the sentinels know less than before")
	default:
		return nil, fmt.Errorf("no sentinel answers, or it knows less than before: %w", errors.Join(errs...))
	}
}

// learn adds sentinels that the URL does not name.
func (s *sentinels) learn(addrs []string) {
	for _, addr := range addrs {
		if s.askers[addr] == nil {
			s.askers.of(addr, func() *asker { return s.asker(addr) })
			s.addrs = append(s.addrs[:len(s.addrs):len(s.addrs)], addr)
		}
	}
}

func (s *sentinels) asker(addr string) *asker {
	return &asker{addr: addr, limit: s.n.cfg.askFor(), dial: s.dial, greet: s.greet}
}

func (s *sentinels) ask(ctx context.Context, a *asker) (r answer) {
	var addr []string
	var about map[string]string
	var others []map[string]string
	p := radix.NewPipeline()
	// The two may differ while a fail-over goes on: the first already tells the new primary.
	p.Append(radix.Cmd(&addr, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.n.at.master))
	p.Append(radix.Cmd(&about, "SENTINEL", "MASTER", s.n.at.master))
	p.Append(radix.Cmd(&others, "SENTINEL", "SENTINELS", s.n.at.master))
	if r.err = a.ask(ctx, p); r.err != nil {
		r.err = fmt.Errorf("sentinel %s: %w", a.addr, r.err)
		return r
	}
	if len(addr) != 2 {
		r.err = fmt.Errorf("sentinel %s knows no primary with the name %q", a.addr, s.n.at.master)
		return r
	}
	r.primary = net.JoinHostPort(addr[0], addr[1])
	r.epoch, _ = strconv.Atoi(about["config-epoch"])
	// Once it tells the successor, what goes on is that the other replicas follow that one, which can take minutes.
	r.failing = strings.Contains(about["flags"], "failover_in_progress") && net.JoinHostPort(about["ip"], about["port"]) == r.primary
	for _, o := range others {
		r.others = append(r.others, net.JoinHostPort(o["ip"], o["port"]))
	}
	return r
}

func (s *sentinels) dial(ctx context.Context, addr string) (radix.Conn, error) {
	d := radix.Dialer{NetDialer: s.n.netDialer(), AuthUser: s.n.at.sentinelUser, AuthPass: s.n.at.sentinelPassword}
	return d.Dial(ctx, "tcp", addr)
}

// greet is for sentinels that want a password when the URL has none of their own: the servers'.
func (s *sentinels) greet(ctx context.Context, conn radix.Conn) error {
	args := []string{s.n.at.password}
	if s.n.at.user != "" {
		args = []string{s.n.at.user, s.n.at.password}
	}
	return conn.Do(ctx, radix.Cmd(nil, "AUTH", args...))
}

func (s *sentinels) close() { s.askers.close() }
