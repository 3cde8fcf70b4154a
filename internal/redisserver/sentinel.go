package redisserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MasterName is what the sentinels call the primary that they watch.
const MasterName = "thoonk"

// SentinelOptions say how to run a primary that sentinels watch. The zero value is a primary, 2 replicas and 3 sentinels.
type SentinelOptions struct {
	// Replicas of the primary. Defaults to 2.
	Replicas int

	// Sentinels that watch it; more than half of them decide. Defaults to 3.
	Sentinels int

	// DownAfter is how long a server may be silent before a sentinel holds it for dead. Defaults to 1s.
	DownAfter time.Duration

	// Partitions makes [Sentinel.Isolate] possible: servers, sentinels and clients reach each other through us. It takes Redis 7,
	// and a system that has all addresses of 127.0.0.0/8, as Linux has; elsewhere the start fails with [ErrNoPartitions].
	Partitions bool

	// Server is for the primary and its replicas. Its Port and Dir are not used.
	Server Options
}

// Sentinel is a primary, its replicas, and the sentinels that watch them, on ports of 127.0.0.1. Its methods may be
// called from several goroutines.
type Sentinel struct {
	opts      SentinelOptions
	servers   []*Server // the first was the primary at the start
	sentinels []*Server
	dirs      []string     // of the sentinels
	doors     []*forwarder // with Partitions: what everybody reaches a server or a sentinel through
}

// StartSentinel runs all of them, and returns once every replica follows the primary and the sentinels know everything
// that they need for a fail-over.
func StartSentinel(ctx context.Context, opts SentinelOptions) (*Sentinel, error) {
	setDefault(&opts.Replicas, 2)
	setDefault(&opts.Sentinels, 3)
	setDefault(&opts.DownAfter, time.Second)
	ctx, cancel := context.WithTimeout(ctx, defaultStartTimeout)
	defer cancel()
	s := &Sentinel{opts: opts}
	err := s.startServers(ctx)
	if err == nil {
		err = s.startSentinels(ctx)
	}
	if err == nil {
		err = s.Healthy(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("redisserver: sentinel: %w", err), s.Stop())
	}
	return s, nil
}

func (s *Sentinel) startServers(ctx context.Context) error {
	for i := range 1 + s.opts.Replicas {
		opts := s.opts.Server
		opts.Dir, opts.Port = "", -1
		if err := s.door(&opts); err != nil {
			return err
		}
		args := []string{"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}
		if opts.Password != "" {
			args = append(args, "--masterauth", opts.Password)
		}
		opts.Args = append(args, opts.Args...)
		srv, err := Start(ctx, opts)
		if err != nil {
			return err
		}
		s.servers = append(s.servers, srv)
		if i == 0 {
			continue
		}
		// Not as an argument, or it would follow the first primary again after a restart.
		if err := srv.Do(ctx, nil, "REPLICAOF", "127.0.0.1", strconv.Itoa(s.servers[0].port)); err != nil {
			return err
		}
	}
	return nil
}

// startSentinels runs them with configurations that name each other, so that nobody has to be discovered first.
func (s *Sentinel) startSentinels(ctx context.Context) error {
	n := s.opts.Sentinels
	nodes, ports, ids := make([]Options, n), make([]int, n), make([]string, n)
	for i := range n {
		id := make([]byte, 20)
		_, _ = rand.Read(id) // never fails
		ids[i] = hex.EncodeToString(id)
		dir, err := SocketDir()
		if err != nil {
			return err
		}
		s.dirs = append(s.dirs, dir)
		nodes[i] = Options{Dir: dir, TLS: s.opts.Server.TLS, sentinel: filepath.Join(dir, "sentinel.conf"), LogTo: s.opts.Server.LogTo}
		if nodes[i].Port, err = freePort(); err == nil {
			err = s.door(&nodes[i])
		}
		if err != nil {
			return err
		}
		ports[i] = nodes[i].Port
	}
	s.sentinels = make([]*Server, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if errs[i] = os.WriteFile(nodes[i].sentinel, []byte(s.config(i, ports, ids)), 0o600); errs[i] == nil {
				s.sentinels[i], errs[i] = Start(ctx, nodes[i])
			}
		})
	}
	wg.Wait()
	s.sentinels = slices.DeleteFunc(s.sentinels, func(srv *Server) bool { return srv == nil })
	return errors.Join(errs...)
}

func (s *Sentinel) config(me int, ports []int, ids []string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "sentinel "+format+"\n", args...) }
	line("myid %s", ids[me])
	line("announce-ip 127.0.0.1")
	line("monitor %s 127.0.0.1 %d %d", MasterName, s.servers[0].port, len(ids)/2+1)
	line("down-after-milliseconds %s %d", MasterName, s.opts.DownAfter.Milliseconds())
	// Twice that has to pass before they begin another fail-over.
	line("failover-timeout %s %d", MasterName, 2*s.opts.DownAfter.Milliseconds())
	if pass := s.opts.Server.Password; pass != "" {
		line("auth-pass %s %s", MasterName, pass)
	}
	for _, srv := range s.servers[1:] {
		line("known-replica %s 127.0.0.1 %d", MasterName, srv.port)
	}
	for i, id := range ids {
		if i != me {
			line("known-sentinel %s 127.0.0.1 %d %s", MasterName, ports[i], id)
		}
	}
	return b.String()
}

// Primary is the server that the sentinels which run call the primary now. The newest epoch counts: one that was cut off
// tells the former primary until it has heard of the fail-over.
func (s *Sentinel) Primary(ctx context.Context) (primary *Server, err error) {
	err = errors.New("no sentinel runs")
	newest := -1
	for _, sentinel := range s.sentinels {
		if !sentinel.Running() {
			continue
		}
		srv, epoch, bad := s.ask(ctx, sentinel)
		if bad != nil {
			err = bad
		} else if epoch > newest {
			primary, newest = srv, epoch
		}
	}
	if primary == nil {
		return nil, fmt.Errorf("redisserver: nobody knows the primary: %w", err)
	}
	return primary, nil
}

// ask has one sentinel say which server is the primary, and since which epoch.
func (s *Sentinel) ask(ctx context.Context, sentinel *Server) (primary *Server, epoch int, err error) {
	var addr []string
	var about map[string]string
	err = errors.Join(
		sentinel.Do(ctx, &addr, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName),
		sentinel.Do(ctx, &about, "SENTINEL", "MASTER", MasterName))
	if err != nil {
		return nil, 0, err
	}
	epoch, err = strconv.Atoi(about["config-epoch"])
	i := slices.IndexFunc(s.servers, func(srv *Server) bool { return len(addr) == 2 && strconv.Itoa(srv.port) == addr[1] })
	if err != nil || i < 0 {
		return nil, 0, fmt.Errorf("a sentinel calls %q the primary of epoch %q", addr, about["config-epoch"])
	}
	return s.servers[i], epoch, nil
}

// Failover is a planned fail-over. It returns when the successor says that it is the primary.
func (s *Sentinel) Failover(ctx context.Context) (successor *Server, err error) {
	before, err := s.Primary(ctx)
	if err != nil {
		return nil, err
	}
	err = poll(ctx, func() (bool, error) { // it refuses as long as it has not heard of every replica lately
		err := s.sentinels[0].Do(ctx, nil, "SENTINEL", "FAILOVER", MasterName)
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	return s.Successor(ctx, before)
}

// Successor waits until the sentinels call another server than before the primary, and that server agrees.
func (s *Sentinel) Successor(ctx context.Context, before *Server) (successor *Server, err error) {
	err = poll(ctx, func() (bool, error) {
		successor, err = s.Primary(ctx)
		return err == nil && successor != before, err
	})
	if err != nil {
		return nil, err
	}
	return successor, successor.AwaitPrimary(ctx)
}

// Restart starts a server that was killed, as a replica of the one that is the primary now. By themselves the sentinels
// take some ten seconds to make it one.
func (s *Sentinel) Restart(ctx context.Context, srv *Server) error {
	primary, err := s.Primary(ctx)
	if err == nil {
		err = srv.Restart(ctx)
	}
	if err != nil || primary == srv {
		return err
	}
	return srv.Do(ctx, nil, "REPLICAOF", "127.0.0.1", strconv.Itoa(primary.port))
}

// Healthy waits until every server but the primary follows the primary, and every sentinel knows all of them and of the
// other sentinels.
func (s *Sentinel) Healthy(ctx context.Context) error {
	for _, srv := range s.servers {
		err := poll(ctx, func() (bool, error) {
			primary, err := s.Primary(ctx)
			if err != nil {
				return false, err
			}
			info, err := srv.info(ctx, "replication")
			if primary == srv {
				return info["connected_slaves"] == strconv.Itoa(s.opts.Replicas) && streams(info), err
			}
			return info["role"] == "slave" && info["master_port"] == strconv.Itoa(primary.port) &&
				info["master_link_status"] == "up", err
		})
		if err != nil {
			return fmt.Errorf("a replica does not follow the primary: %w", err)
		}
	}
	for _, sentinel := range s.sentinels {
		err := poll(ctx, func() (bool, error) {
			var quorum string
			if err := sentinel.Do(ctx, &quorum, "SENTINEL", "CKQUORUM", MasterName); err != nil {
				return false, err
			}
			var list []map[string]string
			err := sentinel.Do(ctx, &list, "SENTINEL", "REPLICAS", MasterName)
			follow := 0
			for _, replica := range list {
				if replica["flags"] == "slave" { // neither down nor disconnected
					follow++
				}
			}
			return follow == s.opts.Replicas, err
		})
		if err != nil {
			return fmt.Errorf("a sentinel does not know everything: %w", err)
		}
	}
	return nil
}

// URL is redis+sentinel:// or rediss+sentinel://host:port,host:port,…/name of all sentinels.
func (s *Sentinel) URL() string {
	hosts := make([]string, len(s.sentinels))
	for i, srv := range s.sentinels {
		hosts[i] = srv.HostPort()
	}
	u := url.URL{Scheme: s.opts.Server.scheme() + "+sentinel", User: s.servers[0].userinfo(), Host: strings.Join(hosts, ","), Path: "/" + MasterName}
	return u.String()
}

// Servers are the primary of the start and its replicas.
func (s *Sentinel) Servers() []*Server { return slices.Clone(s.servers) }

// Sentinels are the processes that watch.
func (s *Sentinel) Sentinels() []*Server { return slices.Clone(s.sentinels) }

// Stop ends all of them and removes their directories. Safe to call twice.
func (s *Sentinel) Stop() error {
	var errs []error
	for _, srv := range slices.Concat(s.sentinels, s.servers) {
		errs = append(errs, srv.Stop())
	}
	for _, d := range s.doors {
		d.close()
	}
	for _, dir := range s.dirs {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}
