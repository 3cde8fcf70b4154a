package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pool"
)

// ErrHandled is returned for a second handler of a job set in one engine.
var ErrHandled = errors.New("job: the job set has a handler already")

// A handling is a job set's handler in this engine.
type handling struct {
	handler Handler
	group   *pool.Group
	workers int // as many of the group's slots as the pool can give it
}

// An execution is one run of a handler, and then the command that ends its claim. It
// brings its slot of the pool back to the owner, so that the next claim travels with it.
type execution struct {
	wire.Request // without a script: the claim has ended in the handler's own hands
	resolute
	owner *owner
	claim *Claim
	task  *pool.Running
	at    int // its place among those that run

	started  time.Time
	result   []byte
	judged   bool // how it ends is known: it did not panic
	how      ending
	finished bool
	status   int64
}

// Handle has a handler do the jobs of j, in the slots of the engine's pool that
// the options give it. It returns at once. Close of the engine ends it.
func (k *Kind) Handle(ctx context.Context, j *Jobs, h Handler, o pool.Options, wrappers ...Middleware) error {
	for _, w := range slices.Backward(wrappers) {
		h = w(h)
	}
	if err := ctx.Err(); err != nil {
		return j.wrap("handle", host.Refused(err))
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
	hd.workers = hd.group.Stats().Limit
	if all := k.pool.Stats().Limit; all > 0 {
		hd.workers = min(hd.workers, all)
	}
	hd.group.OnFree(func() { k.news(j, freed{}) })
	k.handling[j.Name()] = hd
	k.mu.Unlock()
	k.news(j, handled{}) // an owner may have seen it already: there is no way back
	return nil
}

func (k *Kind) handlerOf(name string) *handling {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.handling[name]
}

// news tells a job set's owner something, without blocking the caller. However long the
// inbox is full, it gets there: nobody would say it again.
func (k *Kind) news(j *Jobs, c command) {
	if box := j.h.Box(); box != nil && box.TrySend(c) {
		return
	}
	go func() {
		for {
			if _, err := j.h.Send(k.host.Abort, c); !errors.Is(err, actor.ErrUnavailable) {
				return
			}
		}
	}()
}

// run hands claims to the handler, each in one of the slots.
func (o *owner) run(claims []*Claim, slots int) {
	o.held += slots - len(claims)
	o.out.Expect(len(claims))
	now := time.Now()
	for _, c := range claims {
		x := &execution{owner: o, claim: c, at: len(o.running), started: now}
		o.meter.began(c)
		o.running = append(o.running, x)
		x.task = o.handling.group.Go(pool.Task{Name: c.ID, Timeout: c.timeout, Do: x.do, Done: x.done, Keep: true})
	}
	if len(o.running) > 0 {
		o.renew.set(o.kind.settings.Lease / 3)
	}
}

// do runs on a worker's goroutine, as done does. The error is judged here, where a panic
// of its own methods is a panic of the handler: done must not panic, or the slot and the
// claim would never end.
func (x *execution) do(ctx context.Context) (err error) {
	x.result, err = x.owner.handling.handler(ctx, x.claim)
	x.how, x.finished = judge(err)
	x.judged = true
	return err
}

// done sends what becomes of the job, with the slot.
func (x *execution) done(err error) {
	o, c := x.owner, x.claim
	o.meter.ended(time.Since(x.started), err)
	if !c.ended.Load() {
		x.decide(err)
	}
	if !o.send(x) {
		o.handling.group.Release(1)
	}
}

// decide chooses the script that ends the claim.
func (x *execution) decide(err error) {
	o, c := x.owner, x.claim
	if err == nil && len(x.result) > o.kind.host.MaxItem {
		err = Stall(fmt.Errorf("the result has %d bytes, the limit is %d", len(x.result), o.kind.host.MaxItem))
		x.judged = false
	}
	if !x.judged {
		x.how, x.finished = judge(err)
	}
	if err != nil {
		x.result = nil // discarded
	}
	if o.kind.draining.Load() && !x.finished && x.how.what == "cancel" {
		x.how = ending{what: "return"} // it was interrupted: not its fault
	}
	x.Request = wire.Request{Script: release, Groups: 1, Repeatable: true, Patient: true, Unhurried: true}
	if x.finished {
		x.Script, x.Args = finish, finishArgs(c, x.result)
		x.Keyed, x.Suffix = x.result != nil, c.ID
	} else {
		x.Args = releaseArgs(c, x.how)
	}
}

// Decode implements wire.Command.
func (x *execution) Decode(r wire.Reader) (err error) {
	x.status, err = wire.Worst(r, x.Groups)
	return err
}

// Settle implements wire.Command.
func (x *execution) Settle(err error) {
	if x.Script == nil { // the owner has ended, and there was nothing to store
		x.owner.forget(x)
		return
	}
	x.owner.ended(x, err)
}

// returned takes the slot of a handler that has returned, and sends the end of its claim.
func (o *owner) returned(x *execution) {
	o.held++
	o.out.Arrived()
	if x.Script == nil {
		o.forget(x)
	} else {
		o.out.Add(x)
	}
	if o.held >= o.wave() && o.demand() {
		o.fetch()
	}
}

// forget takes x out of those that run.
func (o *owner) forget(x *execution) {
	last := len(o.running) - 1
	o.running[x.at] = o.running[last]
	o.running[x.at].at = x.at
	o.running[last] = nil
	o.running = o.running[:last]
}

// send puts a command of a worker into the inbox. It waits for room as long as it
// takes: until then the worker is busy and the claim has its lease. False: the
// owner has ended, and the lease will pass.
func (o *owner) send(c command) bool {
	for {
		err := o.box.Send(o.kind.host.Abort, c, time.Hour)
		if err == nil || o.kind.host.Abort.Err() != nil {
			return err == nil
		}
		select {
		case <-o.box.Quit():
			return false
		default:
		}
	}
}

// ended is what became of the end of a claim.
func (o *owner) ended(x *execution, err error) {
	o.forget(x)
	m, status := o.meter, x.status
	switch {
	case err != nil:
		o.kind.host.Logger.Warn("the end of a job could not be stored: it may run again",
			zap.String("jobs", o.name), zap.String("id", x.claim.ID), zap.Error(err))
		m.lost.Add(1)
	case status == 0:
		m.lost.Add(1)
	case status < 0, status == 2:
		// The job set is gone, and the job with it; or a first try has done it.
	case x.finished:
		m.finished.count(1)
	case status == 3:
		m.stalled.Add(1)
	case status > 1000:
		o.promoteIn(time.Until(time.UnixMilli(status).Add(-o.skew)) + time.Millisecond)
	}
}

// extendAll renews the leases of all claims that the handler runs.
func (o *owner) extendAll() {
	var all []*execution
	if o.renewals == 0 { // else Redis is slow, or away: once is enough
		all = slices.Clone(o.running)
	}
	for some := range slices.Chunk(all, wire.MaxBatch) {
		args := wire.NewArgs(2*len(some), 100*len(some))
		for _, x := range some {
			args = args.String(x.claim.ID).String(x.claim.token)
		}
		o.mine++
		o.renewals++
		o.out.Add(&renewing{
			Request: wire.Request{Script: extend, Args: args, Groups: len(some), Repeatable: true, Patient: true},
			some:    some,
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
	for i, x := range r.some {
		if r.statuses[i] != 1 && !x.claim.ended.Load() {
			x.task.Cancel(ErrNotOwner) // nothing, if the handler has returned
		}
	}
}
