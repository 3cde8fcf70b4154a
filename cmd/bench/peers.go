package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// A peerSystem is what a user might take instead of Thoonk's job sets. A driver below cmd/bench/peers runs it in a process
// of its own.
type peerSystem struct {
	name    string
	command func() (name string, args []string, err error) // that runs the driver
	waiting string                                         // the key with the ids of waiting jobs, by the queue's name
	active  string                                         // and of those that run
	records string                                         // a pattern for the keys of jobs
	leaves  string                                         // a set with the names of queues
	spins   bool                                           // until a call is due: its processor time says nothing at a rate
}

// peers are those there are. A server of asynq takes one task after the other from Redis: asynq-8 has eight of them, for
// what depends on that.
var peers = []*peerSystem{asynq, asynq8, bullmq}

var asynq, asynq8 = asynqWith("asynq"), asynqWith("asynq-8", "-servers=8")

func asynqWith(name string, args ...string) *peerSystem {
	return &peerSystem{
		name: name,
		command: func() (string, []string, error) {
			path := filepath.Join(peersDir(), "..", "..", "..", "bin", "bench-asynq")
			return path, args, installed(path)
		},
		waiting: "asynq:{%s}:pending", active: "asynq:{%s}:active", records: "asynq:{%s}:t:*", leaves: "asynq:queues",
	}
}

var bullmq = &peerSystem{
	name: "bullmq",
	command: func() (string, []string, error) {
		dir := filepath.Join(peersDir(), "bullmq")
		node, err := exec.LookPath("node")
		if err != nil {
			return "", nil, absent("not installed: node is not on PATH")
		}
		return node, []string{filepath.Join(dir, "driver.js")}, installed(filepath.Join(dir, "node_modules", "bullmq"))
	},
	waiting: "bull:%s:wait", active: "bull:%s:active", records: "bull:%s:[0-9]*", spins: true,
}

// An absent says why a system cannot run here. It is no failure: its row says so.
type absent string

func (a absent) Error() string { return string(a) }

func installed(path string) error {
	if _, err := os.Stat(path); err != nil {
		return absent("not installed: make bench-peers")
	}
	return nil
}

// peersDir is where the drivers are: beside this file.
func peersDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "peers")
}

// A peerRun is a scenario on a peer.
type peerRun func(ctx context.Context, e *Env, q *peerQueue) (Result, error)

// withPeers adds the peers to a scenario's systems: all of them, or those that are named.
func withPeers(systems map[string]System, run peerRun, some ...*peerSystem) map[string]System {
	all := maps.Clone(systems)
	if some == nil {
		some = []*peerSystem{asynq, bullmq}
	}
	for _, p := range some {
		all[p.name] = func(ctx context.Context, e *Env) (Result, error) {
			q, err := e.peerQueue(ctx, p)
			if err != nil {
				return Result{}, err
			}
			return run(ctx, e, q)
		}
	}
	return all
}

// isPeer is whether a system of that name has to be asked for.
func isPeer(system string) bool {
	return slices.ContainsFunc(peers, func(p *peerSystem) bool { return p.name == system })
}

// A peerQueue is an empty queue of a peer, and the driver that works on it.
type peerQueue struct {
	*peerSystem
	*driver.Process
	env   *Env
	queue string
}

func (e *Env) peerQueue(ctx context.Context, p *peerSystem) (*peerQueue, error) {
	name, args, err := p.command()
	if err != nil {
		return nil, err
	}
	if e.srv.kind == kindEmbedded {
		return nil, absent("needs a redis-server")
	}
	near, err := driverAddress(e.srv.endpoint, e.srv.url)
	if err != nil {
		return nil, err
	}
	far, err := driverAddress(e.far.endpoint, e.far.url)
	if err != nil {
		return nil, err
	}
	q := &peerQueue{peerSystem: p, env: e, queue: strings.ReplaceAll(e.unused(), ":", "-")} // BullMQ allows no colon
	e.AtEnd(q.delete)
	q.Process, err = driver.Start(ctx, driver.Setup{
		Near: near, Far: far, Queue: q.queue, Payloads: e.payloads.texts, Callers: e.callers, Workers: e.Int("workers"),
	}, name, args...)
	if err == nil {
		e.AtEnd(q.Close)
		e.drives[p.name] = q.Hello
	}
	return q, err
}

func driverAddress(at direct.Endpoint, raw string) (driver.Address, error) {
	if u, err := url.Parse(raw); err != nil || u.Scheme == "rediss" {
		return driver.Address{}, absent("peers are driven without TLS only")
	}
	db := 0
	if at.DB != "" {
		db, _ = strconv.Atoi(at.DB) // direct.Parse has seen to it
	}
	return driver.Address{Network: at.Network, Addr: at.Addr, User: at.User, Password: at.Password, DB: db}, nil
}

// peerWarmUp is how long a peer works at least before it is measured. Its process is new for each run, and V8 takes about a
// second to compile what is hot: BullMQ puts nearly twice as many jobs then.
const peerWarmUp = 1500 * time.Millisecond

// measure asks the driver twice, to warm up and to measure. The first request may differ.
func (q *peerQueue) measure(ctx context.Context, warm, request driver.Request) (Result, error) {
	first := true
	var last driver.Reply
	r, err := q.env.MeasureLoop(ctx, func(ctx context.Context, d time.Duration) (int64, time.Duration, error) {
		ask := request
		if first {
			ask, first = warm, false
			d = max(d, peerWarmUp)
		}
		ask.Seconds = d.Seconds()
		var err error
		last, err = q.Ask(ctx, ask)
		return last.Ops, driver.Seconds(last.Seconds), err
	})
	if err != nil {
		return r, err
	}
	r.Allocs, r.CPU = nil, nil // they were ours
	if last.Ops > 0 && !(q.spins && request.Rate > 0) {
		r.CPU = report.Of(last.CPU / float64(last.Ops) * 1e6)
	}
	r.P50, r.P99, r.P999 = last.P50, last.P99, last.P999
	if request.Rate > 0 {
		r.Rate = report.Of(request.Rate)
		r.Set("late", float64(last.Late))
	}
	if request.Do == driver.Delayed {
		r.Set("early", float64(last.Early))
		r.Set("earliest_ms", last.Earliest)
	}
	return r, nil
}

// check is an error unless that many jobs wait, none runs, and no other is left.
func (q *peerQueue) check(ctx context.Context, waiting int64) error {
	var problems []error
	for key, want := range map[string]int64{q.waiting: waiting, q.active: 0} {
		key = fmt.Sprintf(key, q.queue)
		n, err := q.env.srv.info.Do("LLEN", key)
		if err == nil && n != strconv.FormatInt(want, 10) {
			err = fmt.Errorf("WRONG RESULT: %s has %s jobs, it must have %d", key, n, want)
		}
		problems = append(problems, err)
	}
	keys, err := q.env.srv.keys(ctx, fmt.Sprintf(q.records, q.queue))
	if err == nil {
		err = same("the number of jobs in "+q.queue, int64(len(keys)), waiting)
	}
	return errors.Join(append(problems, err)...)
}

// delete deletes what the peer has left under its queue's name.
func (q *peerQueue) delete() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := dialer(q.env.srv.endpoint).Dial(ctx, q.env.srv.endpoint.Network, q.env.srv.endpoint.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	keys, err := q.env.srv.keys(ctx, "*"+q.queue+"*")
	if err == nil && q.leaves != "" {
		err = conn.Do(ctx, radix.Cmd(nil, "SREM", q.leaves, q.queue))
	}
	for some := range slices.Chunk(keys, 1000) {
		if err == nil {
			err = conn.Do(ctx, radix.Cmd(nil, "UNLINK", some...))
		}
	}
	return err
}
