package queue

import (
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/line"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A command is what a queue's inbox takes: a wire.Command, a *line.Getter, or news.
type command interface{ Settle(error) }

// News is what happens outside: it has no caller.
type (
	woken   struct{ id string } // an id that was popped while the queue was empty
	suspect struct{}            // some items may have lost their id
	nudge   struct{}            // try again
	denied  struct{ err error } // Redis does not permit to wait
)

func (woken) Settle(error)   {}
func (suspect) Settle(error) {}
func (nudge) Settle(error)   {}
func (denied) Settle(error)  {}

// An owner is the state of one queue's actor: the callers who wait for an item,
// in order of arrival, and what was taken for them. Its rules:
//
//   - No item is in two places: it is in Redis, in a take under way (whose answer
//     can be asked for again), in ready, or handed to one getter.
//   - What nobody here wants goes back to Redis at once, with its place kept.
//   - With the queue known to be empty nothing is asked: the waker pops the next
//     id, which is the start of the next take.
type owner struct {
	kind *Kind
	name string
	box  *actor.Mailbox[command]
	out  *wire.Outbox

	line  line.Line[Item]
	asked uint64 // the newest arrival that a take was sent for

	takes  [2]*taking // under way, by slot
	popped []string   // ids without their items
	ready  []Item     // taken, wanted by nobody yet

	empty     bool // the last take found no more
	armed     bool // the waker waits for the next id
	returning bool // a return is under way
	stopped   bool

	pager host.Pager // bounds a take
}

// Handle implements wire.Owner.
func (o *owner) Handle(c command) {
	switch c := c.(type) {
	case wire.Command:
		o.out.Add(c)
		return
	case *line.Getter[Item]:
		if o.stopped {
			c.Settle(actor.ErrStopped)
			return
		}
		o.line.Push(c)
	case woken:
		o.armed, o.empty = false, false
		o.popped = append(o.popped, c.id)
	case suspect:
		o.disarm()
		o.empty = false // look again, also whether the queue exists
		o.kind.recover(o.name)
	case denied:
		o.line.Answer(^uint64(0), true, &wire.RefusedError{Message: c.err.Error()})
	}
}

// Stop implements wire.Owner.
func (o *owner) Stop() {
	o.stopped = true
	o.disarm()
	o.line.Answer(^uint64(0), true, actor.ErrStopped)
}

// Pump implements wire.Owner: it hands out what is ready and sees to it that
// enough is on its way for those who still wait.
func (o *owner) Pump() {
	o.ready = o.line.Serve(o.ready)
	if o.line.Prune(); o.line.Empty() {
		o.disarm()
		o.giveBack()
	} else {
		o.fetch()
	}
	o.box.SetBusy(!o.line.Empty() || o.underWay() > 0 || o.returning || len(o.ready) > 0)
}

// fetch takes for those who wait, or has the waker wait for them.
func (o *owner) fetch() {
	for slot := range o.takes {
		if o.takes[slot] != nil {
			continue
		}
		if o.empty && len(o.popped) == 0 && o.line.NewestImpatient() <= o.asked {
			break // nothing there, and nobody who wants to hear it again
		}
		want := o.line.Wants(o.underWay()+wire.MaxBatch) - o.underWay() - len(o.ready)
		other := o.takes[1-slot]
		if want = min(want, o.pager.Size(), wire.MaxBatch); want <= 0 || other != nil && 2*want < other.want {
			o.giveBack() // who was in line may have left since it was pruned
			return       // a second take has to be worth it
		}
		o.take(slot, want)
	}
	if o.empty && o.underWay() == 0 && !o.armed {
		o.armed = true
		o.kind.waker.Arm(o.name, o)
	}
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

// underWay is how many items the takes under way may bring.
func (o *owner) underWay() (n int) {
	for _, t := range o.takes {
		if t != nil {
			n += t.want
		}
	}
	return n
}

func (o *owner) take(slot, want int) {
	t := &taking{owner: o, slot: slot, want: want, upTo: o.line.Arrivals()}
	t.popped, o.popped = o.popped[:min(want, len(o.popped))], o.popped[min(want, len(o.popped)):]
	args := wire.NewArgs(4+len(t.popped), 40*(1+len(t.popped))).Number().Int(int64(slot)).Int(int64(want))
	for _, id := range t.popped {
		args = args.String(id)
	}
	t.Request = wire.Request{
		Script: take, Args: args, Groups: 1, Count: 3 + len(t.popped),
		Numbered: true, Repeatable: true, Patient: true, Callers: want,
	}
	o.asked = o.line.Arrivals()
	o.takes[slot] = t
	o.out.Add(t)
}

// landed is what a take brought.
func (o *owner) landed(t *taking, err error) {
	o.takes[t.slot] = nil
	if err == nil {
		o.astray(t.status, t.popped)
		err = host.Refusal(t.status, contract.TypeQueue)
	}
	if err != nil {
		if errors.Is(err, actor.ErrOutcomeUnknown) {
			o.kind.host.Logger.Error("closed while items were on their way: they may be lost",
				zap.String("queue", o.name), zap.Int("at most", t.want))
		}
		if refused := (*wire.RefusedError)(nil); errors.As(err, &refused) {
			o.popped = slices.Concat(t.popped, o.popped) // Redis refused to take note of them
		}
		o.line.Answer(t.upTo, true, err)
	}
	for _, it := range t.items {
		o.pager.Saw(it.Body)
	}
	o.ready = append(o.ready, t.items...)
	o.ready = o.line.Serve(o.ready)
	if o.empty = t.short; o.empty {
		o.line.Answer(t.upTo, false, ErrEmpty)
	}
}

// giveBack returns what nobody here wants.
func (o *owner) giveBack() {
	if o.returning || o.underWay() > 0 || len(o.popped) == 0 && len(o.ready) == 0 {
		return // what is under way goes back with the rest, or it would get in front of it
	}
	// Ids that were only popped are further back in line than items that were
	// taken; of each, the one that was taken first has to be returned last.
	r := &returning{owner: o, items: o.ready, ids: o.popped}
	o.ready, o.popped, o.returning = nil, nil, true
	size := 0
	for _, it := range r.items {
		size += len(it.Body)
	}
	args := wire.NewArgs(4*(len(r.ids)+len(r.items)), size+40*(len(r.ids)+len(r.items)))
	for i := len(r.ids) - 1; i >= 0; i-- {
		args = args.NumberIf(len(args) == 0).String(r.ids[i]).String("0").String("")
	}
	for i := len(r.items) - 1; i >= 0; i-- {
		args = args.NumberIf(len(args) == 0).String(r.items[i].ID).String("1").Bytes(r.items[i].Body)
	}
	r.Request = wire.Request{Script: giveBack, Args: args, Groups: len(r.ids) + len(r.items), Numbered: true, Repeatable: true, Patient: true}
	o.out.Add(r)
}

// astray puts ids back that were popped from a list which is a sorted feed's or a
// job set's by now, made under the queue's name while getters waited.
func (o *owner) astray(status int64, ids []string) {
	const sortedFeed, jobSet = -3, -5 // see wire/prelude.lua
	if status == sortedFeed || status == jobSet {
		o.kind.waker.Return(o.name, ids...)
	}
}

// Pause before a return that Redis refused is tried again.
const returnPause = time.Second

// returned: Redis has them, or refused.
func (o *owner) returned(r *returning, err error) {
	o.returning = false
	if err == nil {
		o.astray(r.status, r.ids)
		if host.Refusal(r.status, contract.TypeQueue) != nil {
			o.kind.host.Logger.Warn("items of a queue that was deleted are dropped", zap.String("queue", o.name), zap.Int("items", len(r.items)))
		}
		return
	}
	if o.stopped {
		o.kind.host.Logger.Error("items could not be given back", zap.String("queue", o.name), zap.Int("items", len(r.items)), zap.Error(err))
		return
	}
	o.kind.host.Logger.Warn("giving items back failed, trying again", zap.String("queue", o.name), zap.Error(err))
	o.ready, o.popped = append(r.items, o.ready...), append(r.ids, o.popped...)
	time.AfterFunc(returnPause, func() { o.box.TrySend(nudge{}) })
}
