package job

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/line"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A command is what a job set's inbox takes: a wire.Command, a *line.Getter, or
// news.
type command interface{ Settle(error) }

// News is what happens outside: it has no caller.
type (
	woken   struct{ id string }          // an id that was popped while none was available
	suspect struct{}                     // some items may have lost their id
	denied  struct{ err error }          // Redis does not permit to wait
	freed   struct{}                     // a slot may be free
	resumed struct{}                     // claims may be possible again
	handled struct{}                     // there is a handler now
	drained struct{ done chan struct{} } // claim no more: the engine is closing
	delayed struct{ by time.Duration }   // a job was snoozed by hand
	tick    struct{ of *alarm }
)

func (woken) Settle(error)   {}
func (suspect) Settle(error) {}
func (denied) Settle(error)  {}
func (freed) Settle(error)   {}
func (resumed) Settle(error) {}
func (handled) Settle(error) {}
func (drained) Settle(error) {}
func (delayed) Settle(error) {}
func (tick) Settle(error)    {}

// An owner is the state of one job set's actor: who wants jobs, what is claimed
// here, and when something is due. Claims are wanted by getters, in line, and by a
// handler that has free slots. Its rules:
//
//   - A slot is taken before a job is claimed for it.
//   - Claims that nobody here wants are returned to the front of the line at once.
//   - With none available nothing is asked: the waker pops the next id, which is
//     the start of the next claim.
//   - While a handler runs a claim, its lease is renewed.
type owner struct {
	kind *Kind
	name string
	jobs *Jobs
	box  *actor.Mailbox[command]
	out  *wire.Outbox

	line  line.Line[*Claim]
	asked uint64 // the newest arrival that a claim was sent for

	claims [2]*claiming // under way, by slot of the script
	popped []string     // ids that are not claimed yet
	ready  []*Claim     // claimed, wanted by nobody
	mine   int          // returns of the two that are under way

	empty   bool // the last claim found no more
	paused  bool // the last claim found claims paused
	armed   bool // the waker waits for the next id
	noSlots bool // the handler's pool had no more slots; it will tell
	asking  bool // the pool waits to tell, or has told and keeps a slot for this handler
	held    int  // slots of the pool that are to be used next
	draining,
	stopped bool

	meter    *meter
	handling *handling
	running  []*execution // by the handler, until their claims have ended

	renew, due, care, unpause *alarm
	renewals                  int // under way

	// maintenance
	caring  bool // this engine does it, or has tried to
	started time.Time
	rank    int64
	cursors [5]string
	sent    time.Time // when the last look began
	clock   int64     // of Redis, as the last look found it, in ms
	looked  time.Time // when that was
	late    time.Time // when a look took long
	used    bool      // jobs were claimed here

	skew time.Duration // by which Redis' clock is ahead of ours, as the last claim found it
}

func (k *Kind) newOwner(name string, box *actor.Mailbox[command], out *wire.Outbox) wire.Owner[command] {
	o := &owner{
		kind: k, name: name, jobs: &Jobs{kind: k, h: k.set.Handle(name)}, box: box, out: out,
		meter: k.meter(name), handling: k.handlerOf(name),
		started: time.Now(), cursors: [5]string{"0", "0", "0", "0", "0"},
		draining: k.draining.Load(),
	}
	for _, a := range []**alarm{&o.renew, &o.due, &o.care, &o.unpause} {
		*a = &alarm{box: box}
	}
	return o
}

// Handle implements wire.Owner.
func (o *owner) Handle(c command) {
	switch c := c.(type) {
	case *putting:
		o.out.Add(c)
		if c.delay > 0 {
			o.promoteIn(c.delay + time.Millisecond)
		}
	case *execution:
		o.returned(c)
	case wire.Command:
		o.out.Add(c)
	case *line.Getter[*Claim]:
		if o.stopped || o.draining {
			c.Settle(actor.ErrStopped)
			return
		}
		o.line.Push(c)
	case woken:
		o.armed = false // whether there are more is for its claim to tell
		o.popped = append(o.popped, c.id)
	case suspect:
		o.disarm()
		o.empty = false // look again, also whether the job set exists
	case denied:
		o.line.Answer(^uint64(0), true, &wire.RefusedError{Message: c.err.Error()})
	case freed:
		o.noSlots = false
	case resumed:
		o.resume()
	case handled:
		if o.handling == nil { // else it was seen at birth, and workers may be reading it
			o.handling = o.kind.handlerOf(o.name)
		}
	case drained:
		o.draining = true
		o.line.Answer(^uint64(0), true, actor.ErrStopped)
		close(c.done)
	case delayed:
		o.promoteIn(c.by)
	case tick:
		o.rang(c.of)
	}
}

// Stop implements wire.Owner.
func (o *owner) Stop() {
	o.stopped, o.draining = true, true
	o.disarm()
	for _, a := range []*alarm{o.renew, o.due, o.care, o.unpause} {
		a.stop()
	}
	o.line.Answer(^uint64(0), true, actor.ErrStopped)
	if !o.kind.draining.Load() && o.kind.handlerOf(o.name) != nil {
		o.kind.news(o.jobs, handled{}) // it came when the actor had just been found idle: to the next one
	}
}

// Pump implements wire.Owner: it hands out what is ready and sees to it that
// enough is on its way for those who still wait.
func (o *owner) Pump() {
	o.draining = o.draining || o.kind.draining.Load() // who says so may not get into a full inbox
	o.ready = o.line.Serve(o.ready)
	o.line.Prune()
	if o.line.Empty() {
		o.giveBack()
	}
	if o.demand() {
		o.fetch()
	} else {
		o.disarm()
		o.free()
		o.giveBackIDs()
		o.paused = o.paused && o.unpause.isSet() // else nobody looks whether it has ended, and who comes next asks
	}
	if o.handling != nil || o.used {
		o.takeCare()
	}
	o.box.SetBusy(!o.line.Empty() || o.handling != nil || len(o.running) > 0 || o.underWay() || o.mine > 0 || o.due.isSet())
}

// demand reports that somebody here wants jobs.
func (o *owner) demand() bool {
	return !o.line.Empty() || o.handling != nil && !o.draining
}

func (o *owner) underWay() bool { return o.claims[0] != nil || o.claims[1] != nil }

// fetch claims for those who wait, or has the waker wait for them.
func (o *owner) fetch() {
	if o.paused {
		o.disarm()
		o.giveBackIDs()
		o.unpause.set(pausedLook)
		if o.line.NewestImpatient() <= o.asked {
			o.free()
			return
		}
	}
	for slot := range o.claims {
		if o.claims[slot] != nil {
			continue
		}
		if (o.empty || o.paused) && len(o.popped) == 0 && o.line.NewestImpatient() <= o.asked {
			break // nothing there, and nobody who wants to hear it again
		}
		other := o.claims[1-slot]
		if want := o.lineWants(); want > 0 && (other == nil || other.slots > 0 || 2*want >= other.want) {
			o.claim(slot, want, 0)
		} else if n := o.slots(other); n > 0 {
			o.claim(slot, n, n)
		}
	}
	if len(o.popped) > 0 && !o.underWay() {
		o.giveBackIDs() // nobody can run them here before the pool tells
		return
	}
	if o.empty || o.paused {
		o.free()
	}
	if o.empty && !o.underWay() && !o.armed && !o.paused {
		o.armed = true
		o.kind.waker.Arm(o.name, o)
	}
}

// lineWants is how many claims the getters want beyond what is on its way.
func (o *owner) lineWants() int {
	coming := 0
	for _, c := range o.claims {
		if c != nil && c.slots == 0 {
			coming += c.want
		}
	}
	return min(o.line.Wants(coming+wire.MaxBatch)-coming, wire.MaxBatch)
}

// minWave is how many slots make a claim of half of them worth while.
const minWave = 8

// wave is the most slots of one claim. Many workers claim in two waves: the ends of the
// last jobs of one half and a claim for the next ones make a batch. While one wave is
// on its way, Redis works for the other.
func (o *owner) wave() int { return min(max((o.handling.workers+1)/2, minWave), wire.MaxBatch) }

// slots takes the slots of the handler's pool for a claim. Too few to be worth a claim beside
// the other one are held until that is back.
func (o *owner) slots(other *claiming) int {
	if o.handling == nil || o.draining || o.paused {
		return 0
	}
	if !o.noSlots || o.held > 0 {
		o.held = o.handling.group.Exchange(o.held, wire.MaxBatch)
		o.noSlots = o.held < wire.MaxBatch // until the pool tells
		o.asking = o.noSlots
	}
	if other != nil && other.slots > 0 && 4*o.held < other.want {
		return 0
	}
	n := o.held
	if !o.empty { // else this claim goes alone
		n = min(n, o.wave())
	}
	o.held -= n
	return n
}

// free gives held slots back and withdraws: a slot that the pool kept for this
// handler, which has no use for it now, would be missing to others.
func (o *owner) free() {
	if o.held == 0 && !o.asking {
		return
	}
	n := o.held
	o.held, o.asking, o.noSlots = 0, false, false
	o.handling.group.TryAcquire(0)
	o.handling.group.Release(n)
}

// Wake, Suspect and Refused implement wakeup.Waiter.
func (o *owner) Wake(id string) bool { return o.box.TrySend(woken{id}) }
func (o *owner) Suspect()            { o.box.TrySend(suspect{}) }
func (o *owner) Refused(err error)   { o.box.TrySend(denied{err}) }

func (o *owner) disarm() {
	if o.armed {
		o.armed = false
		o.kind.waker.Disarm(o.name, o)
	}
}

// claim sends a claim for want jobs; slots of the pool are held for it.
func (o *owner) claim(slot, want, slots int) {
	lease := int64(0)
	if slots > 0 {
		lease = o.kind.settings.Lease.Milliseconds()
	}
	popped := o.popped[:min(want, len(o.popped))]
	o.popped = o.popped[len(popped):]
	c := &claiming{owner: o, slot: slot, want: want, slots: slots, upTo: o.line.Arrivals(), popped: popped}
	args := wire.NewArgs(6+len(popped), 40*(2+len(popped))).Number().Int(int64(slot)).Int(int64(want)).
		String(o.kind.host.Instance).Int(lease).Int(DefaultTimeout.Milliseconds())
	for _, id := range popped {
		args = args.String(id)
	}
	c.Request = wire.Request{
		Script: claim, Args: args, Groups: 1, Count: 6 + len(popped),
		Numbered: true, Repeatable: true, Patient: true, Callers: want,
		Last: slots > 0,
	}
	o.asked = c.upTo // one for the handler tells them, too
	o.claims[slot] = c
	o.used = true
	o.out.Add(c)
}

// landed is what a claim brought.
func (o *owner) landed(c *claiming, err error) {
	o.claims[c.slot] = nil
	if err == nil && c.now > 0 {
		o.skew = time.Until(time.UnixMilli(c.now))
	}
	if err == nil {
		err = host.Refusal(c.status, contract.TypeJob)
	}
	o.empty, o.paused = c.more == "1", c.more == "2"
	if err != nil {
		o.kind.host.Logger.Warn("claiming failed", zap.String("jobs", o.name), zap.Error(err))
		const sortedFeed, queue = -3, -4 // see wire/prelude.lua: what has such a list by that name now
		if refused := (*wire.RefusedError)(nil); errors.As(err, &refused) || c.status == sortedFeed || c.status == queue {
			o.kind.waker.Return(o.name, c.popped...)
		}
		o.line.Answer(c.upTo, true, err)
		o.paused = true // a handler tries again after a while
		o.unpause.set(time.Second)
	}
	switch {
	case c.slots == 0:
		o.ready = o.line.Serve(append(o.ready, c.got...))
	case o.draining: // nobody is to run them any more
		o.held += c.slots
		o.ready = append(o.ready, c.got...)
	default:
		o.run(c.got, c.slots)
	}
	if o.empty || o.paused {
		o.line.Answer(c.upTo, false, ErrEmpty)
	}
}

// giveBack returns claims that nobody here wants, and giveBackIDs ids.
func (o *owner) giveBack() {
	for i := len(o.ready) - 1; i >= 0; i-- {
		o.settle(o.ready[i], release, releaseArgs(o.ready[i], ending{what: "return"}), nil)
	}
	o.ready = nil
}

func (o *owner) giveBackIDs() {
	if len(o.popped) > 0 {
		o.kind.waker.Return(o.name, o.popped...)
		o.popped, o.empty = nil, false
	}
}

// settle sends the end of a claim for which nobody waits.
func (o *owner) settle(c *Claim, s *wire.Script, args wire.Args, then func(status int64, err error)) {
	o.mine++
	o.out.Add(&settling{
		Request: wire.Request{Script: s, Args: args, Groups: 1, Repeatable: true, Patient: true},
		then: func(status int64, err error) {
			o.mine--
			if then != nil {
				then(status, err)
			}
		},
	})
}
