package job

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// How often a job set is looked after.
const (
	busyLook   = time.Second     // by the one engine that does, while there is something to look after
	idleLook   = 4 * time.Second // by it otherwise, and by others to see whether it is alive
	leaseSlack = 3 * time.Second // of the maintenance lease, beyond the next look
	pausedLook = 5 * time.Second // by an engine that waits for the end of a pause
	soon       = 5 * time.Second // delayed jobs that are due earlier have an alarm of their own
)

// rang is an alarm.
func (o *owner) rang(a *alarm) {
	a.at = time.Time{}
	switch a {
	case o.renew:
		o.extendAll()
	case o.due:
		o.promote()
	case o.care:
		o.maintain()
	case o.unpause:
		o.resume()
	}
}

// resume claims again, after a pause or after a claim that failed.
func (o *owner) resume() {
	if o.paused {
		o.paused, o.empty = false, false
	}
}

// promoteIn has delayed jobs made available after d, if that is soon. What is due
// later is found by the engine that looks after the job set.
func (o *owner) promoteIn(d time.Duration) {
	if d <= soon {
		o.due.set(max(d, time.Millisecond))
	}
}

func (o *owner) promote() {
	o.mine++
	args := wire.NewArgs(1, 0).String("")
	o.out.Add(&settling{
		Request: wire.Request{Script: promote, Args: args, Groups: 1, Repeatable: true, Patient: true},
		then: func(wait int64, err error) {
			o.mine--
			if err != nil {
				o.kind.host.Logger.Warn("delayed jobs could not be made available", zap.String("jobs", o.name), zap.Error(err))
			} else if wait >= 0 {
				o.promoteIn(time.Duration(wait) * time.Millisecond)
			}
		},
	})
}

// takeCare begins to look after the job set, with the other engines.
func (o *owner) takeCare() {
	if !o.caring && !o.stopped {
		o.caring = true
		o.care.set(rand.N(busyLook))
	}
}

// maintain looks after the job set, or finds that another engine does.
func (o *owner) maintain() {
	// After an outage living owners renew first, and so do those of an engine that
	// has just begun: for all that is known, the outage has just ended. A request may
	// also be the first that meets the outage, and run at its end, before those who
	// live are heard: hence the time until which it may end claims.
	lease, until := o.kind.settings.Lease, int64(0)
	quiet := max(time.Since(o.out.Trouble()), 0)
	for _, since := range []time.Time{o.started, o.late} {
		quiet = min(quiet, time.Since(since))
	}
	if quiet > lease && o.clock != 0 {
		until = o.clock + (time.Since(o.looked) + lease/3).Milliseconds()
	}
	o.sent = time.Now()
	args := wire.NewArgs(10, 160).String(o.kind.host.Instance).Int((idleLook + leaseSlack).Milliseconds()).
		Int(until).Int(DefaultTimeout.Milliseconds()).Int(o.rank)
	for _, c := range o.cursors {
		args = args.String(c)
	}
	m := &maintaining{owner: o}
	m.Request = wire.Request{Script: maintain, Args: args, Groups: 1, Count: 10, Repeatable: true, Patient: true}
	o.mine++
	o.out.Add(m)
}

// A maintaining is a look at the job set.
type maintaining struct {
	wire.Request
	resolute
	owner *owner

	status, wait, ended, claimed, stray, now, rank int64
	cursors                                        [5]string
}

// Decode implements wire.Command.
func (m *maintaining) Decode(r wire.Reader) (err error) {
	if err = r.Array(12); err != nil {
		return err
	}
	for _, n := range []*int64{&m.status, &m.wait, &m.ended, &m.claimed, &m.stray, &m.now, &m.rank} {
		if *n, err = r.Int(); err != nil {
			return err
		}
	}
	for i := range m.cursors {
		if m.cursors[i], _, err = r.String(); err != nil {
			return err
		}
	}
	return nil
}

// Settle implements wire.Command.
func (m *maintaining) Settle(err error) {
	o := m.owner
	o.mine--
	if o.stopped {
		return
	}
	if err == nil && m.now != 0 {
		if time.Since(o.sent) > o.kind.settings.Lease/3 {
			o.late = time.Now() // so may be renewals
		}
		o.clock, o.looked = m.now, time.Now()
	}
	if err != nil && !errors.Is(err, actor.ErrStopped) {
		o.kind.host.Logger.Warn("the job set could not be looked after", zap.String("jobs", o.name), zap.Error(err))
	}
	if err != nil || m.status != 1 {
		o.care.set(idleLook + rand.N(busyLook))
		return
	}
	o.rank, o.cursors = m.rank, m.cursors
	if m.ended > 0 {
		o.kind.host.Logger.Info("claims that were not renewed have ended", zap.String("jobs", o.name), zap.Int64("claims", m.ended))
	}
	if m.wait >= 0 {
		o.promoteIn(time.Duration(m.wait) * time.Millisecond)
	}
	if m.stray > 0 {
		o.kind.recover(o.jobs)
	}
	if m.claimed > 0 || m.wait >= 0 || m.stray > 0 || m.rank > 0 {
		o.care.set(busyLook)
	} else {
		o.care.set(idleLook)
	}
}

// recover looks for jobs that are in no state, in the background: a process died
// between popping an id and claiming it, or a peer left an item without an id.
// They are put back when they were seen so twice, some time apart (contract 6,
// Maintenance): peers claim in two steps.
func (k *Kind) recover(j *Jobs) {
	k.looking.Go(j.Name(), func(ctx context.Context) {
		n, err := j.recover(ctx, k.settings.Pause)
		switch {
		case err != nil && ctx.Err() == nil:
			k.host.Logger.Warn("looking for lost jobs failed", zap.String("jobs", j.Name()), zap.Error(err))
		case n > 0:
			k.host.Logger.Info("jobs that were in no state are available again", zap.String("jobs", j.Name()), zap.Int64("jobs", n))
		}
	})
}

func (j *Jobs) recover(ctx context.Context, pause time.Duration) (n int64, err error) {
	first, err := j.unaccounted(ctx)
	if err != nil || len(first) == 0 {
		return 0, err
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	second, err := j.unaccounted(ctx)
	if err != nil {
		return 0, err
	}
	var both []string
	for id := range second {
		if first[id] {
			both = append(both, id)
		}
	}
	for some := range slices.Chunk(both, wire.MaxBatch) {
		args := wire.NewArgs(len(some), 40*len(some))
		for _, id := range some {
			args = args.String(id)
		}
		c := wire.NewCall(restore, len(some), args, wire.Statuses)
		c.Repeatable = true
		statuses, err := ask(ctx, j, c)
		if err != nil {
			return n, err
		}
		for _, s := range statuses {
			n += max(s, 0)
		}
	}
	return n, nil
}

// unaccounted reads which jobs are in no state, in pages. The job set changes
// meanwhile, so some of these are wrong.
func (j *Jobs) unaccounted(ctx context.Context) (map[string]bool, error) {
	lost := make(map[string]bool)
	for cursor := ""; cursor != "0"; {
		if cursor == "" {
			cursor = "0"
		}
		p, err := j.scan(ctx, wire.NewSingle(stray, 1, wire.NewArgs(1, 20).String(cursor), readScan))
		if err != nil {
			return nil, err
		}
		for _, id := range p.ids {
			lost[id] = true
		}
		cursor = p.cursor
	}
	if len(lost) == 0 {
		return nil, nil
	}
	for id, err := range j.IDs(ctx, Available) {
		if err != nil {
			return nil, err
		}
		delete(lost, id)
	}
	return lost, nil
}

type scanReply struct {
	status int64
	cursor string
	ids    []string
}

func readScan(r wire.Reader, _ int) (p scanReply, err error) {
	if err = r.Array(3); err != nil {
		return p, err
	}
	if p.status, err = r.Int(); err != nil {
		return p, err
	}
	if p.cursor, _, err = r.String(); err != nil {
		return p, err
	}
	p.ids, err = r.Strings()
	return p, err
}

func (j *Jobs) scan(ctx context.Context, c *wire.Call[scanReply]) (scanReply, error) {
	c.ReadOnly = true
	p, err := ask(ctx, j, c)
	if err == nil {
		err = host.Refusal(p.status, contract.TypeJob)
	}
	return p, err
}
