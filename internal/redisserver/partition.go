package redisserver

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
)

// ErrNoPartitions is returned, wrapped, where [SentinelOptions.Partitions] is not possible.
var ErrNoPartitions = errors.New("redisserver: partitions take a system that has all addresses of 127.0.0.0/8")

// door has a server or a sentinel reached through a forwarder, with Partitions: on a port of 127.0.0.1, as any other. It
// listens on the same port of an address of its own, and connects from there, so that a forwarder knows who comes. Clients
// come from 127.0.0.1.
func (s *Sentinel) door(opts *Options) error {
	if !s.opts.Partitions {
		return nil
	}
	f, err := forward(false, bySource)
	if err != nil {
		return err
	}
	s.doors = append(s.doors, f)
	opts.Port, opts.own = f.port(), ownAddress(f.port())
	target := net.JoinHostPort(opts.own, strconv.Itoa(opts.Port))
	l, err := net.Listen("tcp", target)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoPartitions, err)
	}
	f.to(target)
	return l.Close()
}

// ownAddress is one that nobody else has who listens on 127.0.0.1.
func ownAddress(port int) string { return fmt.Sprintf("127.%d.%d.1", port>>8, port&0xff) }

// Isolate cuts some servers and sentinels off from all others, as where a network has come apart: they go on, reach each
// other, and clients reach them; what they and the others send to each other does not arrive. It needs
// [SentinelOptions.Partitions].
func (s *Sentinel) Isolate(nodes ...*Server) {
	if !s.opts.Partitions {
		panic("redisserver: a partition without SentinelOptions.Partitions")
	}
	var names []string
	for _, n := range nodes {
		names = append(names, n.opts.own)
	}
	in := func(name string) bool { return slices.Contains(names, name) }
	for _, n := range slices.Concat(s.servers, s.sentinels) {
		n.setAway(in(n.opts.own))
	}
	for _, d := range s.doors {
		inside := in(ownAddress(d.port()))
		d.allow(func(sender string) bool { return sender == "127.0.0.1" || in(sender) == inside })
	}
}

// Rejoin ends what Isolate has done. What was on its way arrives.
func (s *Sentinel) Rejoin() { s.Isolate() }
