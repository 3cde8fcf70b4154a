package wire

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Limits of a batch and of how many are under way.
const (
	MaxBatch     = 256       // groups
	MaxBatchSize = 256 << 10 // bytes of arguments
	mostWaiting  = 64 << 20  // bytes of arguments, for a Redis that is away
)

// Back-off between attempts while Redis does not answer.
const (
	minBackoff = 5 * time.Millisecond
	maxBackoff = 250 * time.Millisecond
)

// OutboxConfig says what an outbox works with.
type OutboxConfig struct {
	Name     string
	Instance string // of the engine
	Lane     *Lane
	// Patience is how long a command waits for Redis. Then it is answered with
	// ErrUnavailable.
	Patience time.Duration
	Stats    *Stats
	// Numbers is the last number that any outbox of the engine has given away. They
	// share it because the actor of a name may end and come back.
	Numbers *atomic.Uint64
}

// An Outbox sends an actor's commands. Only the actor's goroutine uses it.
type Outbox struct {
	cfg OutboxConfig

	queue   []Command // accepted, not under way; oldest first
	groups  int       // in queue
	size    int       // bytes of arguments in queue
	callers int       // who wait for what is in queue, or would
	hurried int       // those of them who do
	under   []*Batch  // under way, in the order in which they were sent
	seq     uint64
	landed  chan *Batch
	wrote   chan struct{} // a batch is on the wire, and more waits
	pace    pace

	failed  []*Batch // to be sent again once nothing is under way
	refused uint64   // the number of the last ordered run that is known not to have run
	backoff time.Duration
	pause   *time.Timer // non-nil while waiting for the next attempt
	cause   error       // why the last attempt failed
	trouble time.Time   // when that was
	away    time.Time   // since when attempts have failed
}

// NewOutbox returns the outbox of one name.
func NewOutbox(cfg OutboxConfig) *Outbox { return &Outbox{cfg: cfg} }

// Add takes a command over. It is sent by a later Flush.
func (o *Outbox) Add(c Command) {
	r := c.request()
	if o.pause != nil && !o.waits(c, time.Now()) {
		return
	}
	o.queue = append(o.queue, c)
	o.groups += r.Groups
	o.size += len(r.Args)
	o.count(r, 1)
}

// count adds the callers of r, or takes them off.
func (o *Outbox) count(r *Request, sign int) {
	n := sign * max(r.Callers, 1)
	o.callers += n
	if !r.Unhurried {
		o.hurried += n
	}
}

// Full reports that enough waits for one more batch: leave the rest in the inbox. While Redis is
// away more is taken from there, since nobody looks there for how long its callers have waited.
func (o *Outbox) Full() bool {
	if o.pause != nil {
		return o.size >= mostWaiting
	}
	return o.groups >= MaxBatch || o.size >= MaxBatchSize
}

// Empty reports that there is nothing to send and nothing to wait for.
func (o *Outbox) Empty() bool { return len(o.queue) == 0 && len(o.under) == 0 && len(o.failed) == 0 }

// Trouble is when a batch failed last; zero if none has.
func (o *Outbox) Trouble() time.Time { return o.trouble }

// Landed delivers batches that came back; pass them to Land.
func (o *Outbox) Landed() <-chan *Batch { return o.landed }

// Wrote tells that a batch is on the wire, so that the one behind it may go.
func (o *Outbox) Wrote() <-chan struct{} { return o.wrote }

// Due fires when Resume should be called.
func (o *Outbox) Due() <-chan time.Time {
	if o.pause == nil {
		return nil
	}
	return o.pause.C
}

// Flush sends what waits, unless enough is under way. True: something has landed
// meanwhile, so that there may be more to send.
func (o *Outbox) Flush() (landed bool) {
	for len(o.queue) > 0 && o.pause == nil && len(o.failed) == 0 && o.mayLaunch() {
		b := o.form()
		if len(b.cmds) == 0 {
			continue // every caller in it has left
		}
		b.sent = time.Now()
		o.under = append(o.under, b)
		o.cfg.Stats.launched(len(b.cmds))
		if o.lonely(b) {
			o.cfg.Lane.fly(b)
			o.Land(b)
			landed = true
			continue
		}
		if o.landed == nil {
			o.landed = make(chan *Batch, mostFlights)
			o.wrote = make(chan struct{}, 1)
		}
		if len(o.queue) > 0 {
			b.wrote = o.wrote
		}
		go func() {
			o.cfg.Lane.fly(b)
			o.landed <- b
		}()
	}
	return landed
}

// lonely reports that b, just sent, is one command, as was the one before
// it: a lone caller. It is sent without the help of another goroutine, which
// would cost two switches and gain nothing.
func (o *Outbox) lonely(b *Batch) bool {
	return len(o.under) == 1 && b.callers == 1 && o.pace.last <= 1 && len(o.queue) == 0
}

// newest is the last one of those under way.
func (o *Outbox) newest() *Batch {
	if n := len(o.under); n > 0 {
		return o.under[n-1]
	}
	return nil
}

// form takes a batch off the queue. It leaves out those whose caller has left.
func (o *Outbox) form() *Batch {
	b := &Batch{name: o.cfg.Name, instance: o.cfg.Instance, numbers: o.cfg.Numbers, seq: o.seq, before: o.newest(), cmds: make([]Command, 0, min(len(o.queue), MaxBatch))}
	o.seq++
	n, groups, now := 0, 0, time.Now()
	for _, c := range o.queue {
		r := c.request()
		if len(b.cmds) == 0 {
			b.alone = r.keepsNumber()
		} else if groups+r.Groups > MaxBatch || b.size+len(r.Args) > MaxBatchSize || b.alone && !b.joins(r) {
			break
		}
		n++
		o.groups -= r.Groups
		o.size -= len(r.Args)
		o.count(r, -1)
		// A command that may have run stays begun, so that a caller who leaves
		// knows that it does not know.
		if r.repeat && c.Left() || !r.repeat && !c.Begin() {
			continue
		}
		if r.born.IsZero() {
			r.born = now
		}
		groups += r.Groups
		b.add(c)
		if r.Last {
			break
		}
	}
	rest := copy(o.queue, o.queue[n:])
	clear(o.queue[rest:])
	o.queue = o.queue[:rest]
	return b
}

// Land takes a batch that came back. They are settled in the order in which they were
// sent, for so they ran: what the second took is behind what the first took.
func (o *Outbox) Land(b *Batch) {
	b.landed = true // the goroutine of one behind another may be the first to get here
	for len(o.under) > 0 && o.under[0].landed {
		b := o.under[0]
		o.under = slices.Delete(o.under, 0, 1)
		o.settle(b)
	}
}

// settle answers what a batch brought back and keeps the rest for another attempt.
func (o *Outbox) settle(b *Batch) {
	o.pace.landed(b)
	o.cfg.Stats.landed(len(b.cmds))
	again := b.cmds[:0]
	for i := range b.runs {
		r := &b.runs[i]
		if r.ordered && o.cannotHaveRun(r) {
			r.sent, o.refused = false, r.number
		}
		for j, c := range b.cmds[r.from:r.to] {
			switch {
			case j < r.decoded && b.short && !c.request().ReadOnly:
				if o.unreplicated(c) {
					again = append(again, c)
				}
			case j < r.decoded:
				c.Settle(nil)
			case r.done && !passes(r.refusal):
				c.Settle(refused(c.request(), r.refusal))
			case o.keep(b, r, c):
				again = append(again, c)
			}
		}
	}
	if len(again) > 0 {
		b.cmds = again
		o.failed = append(o.failed, b)
	} else if b.err == nil {
		o.backoff = 0
	}
	if len(o.failed) > 0 && len(o.under) == 0 && o.pause == nil {
		o.wait()
	}
}

// cannotHaveRun reports that an ordered run was refused, or not written, or that its answer was lost and it would have been
// early.
func (o *Outbox) cannotHaveRun(r *run) bool {
	switch {
	case r.refusal != "":
		return !denied(r.refusal) // a right that is missing may stop a script in the middle
	case !r.sent:
		return r.number != 0
	default:
		return !r.done && r.after != 0 && r.after == o.refused
	}
}

// keep decides about a command without an answer: true when it should be sent
// again, else it has been settled or its caller has left.
func (o *Outbox) keep(b *Batch, r *run, c Command) bool {
	req := c.request()
	switch {
	case !r.done:
		o.cause = b.err
	case !early(r.refusal) || o.backoff == 0 && len(o.failed) == 0: // else the call in front of it knows why
		o.cause = errors.New(r.refusal)
	}
	if ran := r.sent && !req.ReadOnly; ran && !req.Repeatable {
		c.Settle(unknown(o.cause))
		return false
	} else if ran {
		req.repeat = true
	}
	if req.repeat {
		return !c.Left()
	}
	return c.Unbegin()
}

// wait puts what failed back in front, in its old order, answers those who have
// waited long enough, and arms the pause before the next attempt. What keeps its
// number goes first, or a newer number could run before it.
func (o *Outbox) wait() {
	slices.SortFunc(o.failed, func(a, b *Batch) int { return int(a.seq) - int(b.seq) })
	var all []Command
	for _, b := range o.failed {
		all = append(all, b.cmds...)
	}
	all = append(all, o.queue...)
	slices.SortStableFunc(all, func(a, b Command) int { return cmp.Compare(a.request().rank(), b.request().rank()) })
	o.failed, o.queue, o.groups, o.size, o.callers, o.hurried = nil, nil, 0, 0, 0, 0
	o.trouble = time.Now()
	if o.backoff == 0 {
		o.away = o.trouble
	}
	for _, c := range all {
		if !c.Left() && o.waits(c, o.trouble) {
			o.Add(c)
		}
	}
	o.cfg.Stats.Retries.Add(1)
	o.backoff = min(max(2*o.backoff, minBackoff), maxBackoff)
	o.pause = time.NewTimer(o.backoff/2 + rand.N(o.backoff))
}

// waits reports that a command may wait for Redis, which is away. Otherwise it has waited long enough, since Redis is
// away and the command is here, and is answered.
func (o *Outbox) waits(c Command, now time.Time) bool {
	r := c.request()
	if r.born.IsZero() {
		r.born = now
	}
	if r.Patient || now.Sub(r.born) <= o.cfg.Patience || now.Sub(o.away) <= o.cfg.Patience {
		return true
	}
	c.Settle(unavailable(r.repeat, o.cause))
	return false
}

// Resume ends the pause.
func (o *Outbox) Resume() { o.pause = nil }

// Abort answers everything that is not under way with err.
func (o *Outbox) Abort(err error) {
	if o.pause != nil {
		o.pause.Stop()
		o.pause = nil
	}
	for _, b := range o.failed {
		o.queue = append(o.queue, b.cmds...)
	}
	for _, c := range o.queue {
		if c.request().repeat {
			c.Settle(unknown(errors.New(err.Error()))) // not wrapped: err says that nothing was sent
		} else {
			c.Settle(err)
		}
	}
	o.failed, o.queue, o.groups, o.size, o.callers, o.hurried = nil, nil, 0, 0, 0, 0
}
