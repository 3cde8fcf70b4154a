package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pool"
)

// ErrHandled is returned for a second handler of a job set in one engine.
var ErrHandled = errors.New("job: the job set has a handler already")

// A handling is a job set's handler in this engine.
type handling struct {
	handler Handler
	group   *pool.Group
}

// An execution is one run of a handler.
type execution struct {
	task    *pool.Running
	started time.Time
}

// Handle has a handler do the jobs of j, in the slots of the engine's pool that
// the options give it. It returns at once. Close of the engine ends it.
func (k *Kind) Handle(ctx context.Context, j *Jobs, h Handler, o pool.Options, wrappers ...Middleware) error {
	for _, w := range slices.Backward(wrappers) {
		h = w(h)
	}
	onStuck := o.OnStuck
	o.OnStuck = func(s pool.Stuck) {
		k.meter(j.Name()).stuck.Add(1)
		k.host.Logger.Warn("a handler does not return", zap.String("jobs", j.Name()), zap.String("id", s.Name),
			zap.Duration("running", s.Running), zap.NamedError("cause", s.Cause), zap.ByteString("stack", s.Stack))
		if onStuck != nil {
			onStuck(s)
		}
	}
	k.mu.Lock()
	if k.draining.Load() { // Drain looks for handlers after it has said so
		k.mu.Unlock()
		return j.wrap("handle", actor.ErrStopped)
	}
	if k.handling[j.Name()] != nil {
		k.mu.Unlock()
		return j.wrap("handle", ErrHandled)
	}
	hd := &handling{handler: h, group: k.pool.Group(o)}
	hd.group.OnFree(func() { k.news(j, freed{}) })
	k.handling[j.Name()] = hd
	k.mu.Unlock()
	_, err := j.h.Send(ctx, handled{})
	if err != nil {
		k.mu.Lock()
		delete(k.handling, j.Name())
		k.mu.Unlock()
	}
	return j.wrap("handle", err)
}

func (k *Kind) handlerOf(name string) *handling {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.handling[name]
}

// news tells a job set's owner something, without blocking the caller.
func (k *Kind) news(j *Jobs, c command) {
	if box := j.h.Box(); box != nil && box.TrySend(c) {
		return
	}
	go func() { _, _ = j.h.Send(k.host.Abort, c) }()
}

// run hands claims to the handler, each in one of the slots.
func (o *owner) run(claims []*Claim, slots int) {
	o.held += slots - len(claims)
	for _, c := range claims {
		x := &execution{started: time.Now()}
		o.meter.began(c)
		o.running[c] = x
		var result []byte
		x.task = o.handling.group.Go(pool.Task{
			Name:    c.ID,
			Timeout: c.timeout,
			Do: func(ctx context.Context) (err error) {
				result, err = o.handling.handler(ctx, c)
				return err
			},
			Done: func(err error) { o.report(c, x, result, err) },
		})
	}
	if len(o.running) > 0 {
		o.renew.set(o.kind.settings.Lease / 3)
	}
}

// report runs on the worker's goroutine, while it still holds its slot: it sends
// what becomes of the job, so that the next claim travels with it.
func (o *owner) report(c *Claim, x *execution, result []byte, err error) {
	o.meter.ended(time.Since(x.started), err)
	if c.ended.Load() {
		o.send(over{c})
		return
	}
	if err == nil && len(result) > o.kind.host.MaxItem {
		err = Stall(fmt.Errorf("the result has %d bytes, the limit is %d", len(result), o.kind.host.MaxItem))
	}
	how, finished := judge(err)
	if err != nil {
		result = nil // discarded
	}
	if o.kind.draining.Load() && !finished && how.what == "cancel" {
		how = ending{what: "return"} // it was interrupted: not its fault
	}
	e := &settling{then: func(status int64, err error) { o.ended(c, finished, status, err) }}
	if finished {
		e.Request = wire.Request{Script: finish, Args: finishArgs(c, result), Groups: 1, Repeatable: true, Patient: true}
	} else {
		e.Request = wire.Request{Script: release, Args: releaseArgs(c, how), Groups: 1, Repeatable: true, Patient: true}
	}
	o.send(e)
}

// send puts a command of a worker into the inbox. It waits for room as long as it
// takes: until then the worker has its slot and the claim its lease.
func (o *owner) send(c command) {
	for {
		err := o.box.Send(o.kind.host.Abort, c, time.Hour)
		if err == nil || o.kind.host.Abort.Err() != nil {
			return
		}
		select {
		case <-o.box.Quit():
			return // the lease will pass
		default:
		}
	}
}

// over says that a claim ended in the handler's own hands.
type over struct{ claim *Claim }

func (over) Settle(error) {}

// ended is what became of the end of a claim.
func (o *owner) ended(c *Claim, finished bool, status int64, err error) {
	delete(o.running, c)
	m := o.meter
	switch {
	case err != nil:
		o.kind.host.Logger.Warn("the end of a job could not be stored: it will run again",
			zap.String("jobs", o.name), zap.String("id", c.ID), zap.Error(err))
		m.lost.Add(1)
	case status == 0:
		m.lost.Add(1)
	case status < 0, status == 2:
		// The job set is gone, and the job with it; or a first try has done it.
	case finished:
		m.finished.count(1)
	case status == 3:
		m.stalled.Add(1)
	case status > 1000:
		o.promoteIn(time.Until(time.UnixMilli(status)) + time.Millisecond)
	}
}

// extendAll renews the leases of all claims that the handler runs.
func (o *owner) extendAll() {
	var claims []*Claim
	if o.renewals == 0 { // else Redis is slow, or away: once is enough
		claims = slices.Collect(maps.Keys(o.running))
	}
	for some := range slices.Chunk(claims, wire.MaxBatch) {
		args := wire.NewArgs(2*len(some), 100*len(some))
		for _, c := range some {
			args = args.String(c.ID).String(c.token)
		}
		o.mine++
		o.renewals++
		o.out.Add(&renewing{
			Request: wire.Request{Script: extend, Args: args, Groups: len(some), Repeatable: true, Patient: true},
			claims:  some,
			then:    o.renewed,
		})
	}
	if len(o.running) > 0 {
		o.renew.set(o.kind.settings.Lease / 3)
	}
}

// renewed ends the context of handlers whose claim is lost.
func (o *owner) renewed(r *renewing, err error) {
	o.mine--
	o.renewals--
	if err != nil {
		return // the next attempt will tell
	}
	for i, c := range r.claims {
		if x := o.running[c]; x != nil && r.statuses[i] != 1 && !c.ended.Load() {
			x.task.Cancel(ErrNotOwner)
		}
	}
}
