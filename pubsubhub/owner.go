package pubsubhub

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"
)

// owner is the one goroutine that knows who follows what. Its fields are plain: callers, the connection and the probe
// reach it through the hub's inbox, in one order.
type owner struct {
	*Hub
	ctx   context.Context
	wg    *sync.WaitGroup // what it started
	now   time.Time       // of this round
	timer *time.Timer
	armed time.Time // when the timer fires; zero: it does not

	subs   map[*Subscription]struct{}
	routes routes
	dirty  []*route // where what is wanted and what Redis was asked for may differ
	fanout fanout
	probe  probe

	session     *session   // nil: none, see retryAt
	connectedAt time.Time  // zero: the session is still dialling
	inflight    []*request // sent and not confirmed, in order
	progressAt  time.Time  // when Redis last said anything, or was asked with nothing else in flight
	idleAt      time.Time  // when the last subscription left
	retryAt     time.Time  // not before this may the next session start
	failures    int        // connections in a row that were lost soon
	replacing   bool       // the next connection replaces a lost one
}

func newOwner(ctx context.Context, h *Hub, wg *sync.WaitGroup) *owner {
	o := &owner{
		Hub:    h,
		ctx:    ctx,
		wg:     wg,
		timer:  time.NewTimer(time.Hour),
		subs:   make(map[*Subscription]struct{}),
		routes: routes{channels: make(map[string]*route), patterns: make(map[string]*route)},
	}
	o.timer.Stop()
	if h.cfg.Publish != nil {
		o.probe.route = o.route(probeName(h.cfg.ProbePrefix), false)
		o.count()
	}
	return o
}

func (o *owner) run() {
	for {
		select {
		case <-o.ctx.Done():
			o.stop()
			return
		case <-o.inbox.wake:
		case <-o.timer.C:
			o.armed = time.Time{}
		}
		o.now = time.Now()
		for _, c := range o.inbox.take() {
			c.apply(o)
		}
		o.reconcile() // before watch: what it sends has a time limit
		next := o.watch()
		o.reconcile() // after a disconnect, names that nobody follows are gone
		o.arm(next)
	}
}

func (o *owner) stop() {
	o.timer.Stop()
	if o.session != nil {
		o.session.end(ErrClosed)
	}
	o.counters.connected.Store(false)
	for s := range o.subs {
		if !s.started {
			s.ready <- ErrClosed
		}
		s.box.end(ErrClosed, false)
	}
}

// command is what the inbox carries.
type command interface{ apply(*owner) }

type (
	join  struct{ *Subscription }
	leave struct{ *Subscription }

	connected struct{ *session }
	arrived   struct {
		*session
		*batch
	}
	ended struct {
		*session
		err error
	}
	probed struct {
		*session
		err error
	}
)

func (c *join) apply(o *owner)  { o.attach(c.Subscription) }
func (c *leave) apply(o *owner) { o.detach(c.Subscription) }

func (c *connected) apply(o *owner) {
	if c.session != o.session {
		return
	}
	o.connectedAt = o.now
	o.counters.connected.Store(true)
	if o.replacing {
		o.replacing = false
		o.counters.reconnects.Add(1)
		o.cfg.Logger.Info("pub/sub connection replaced", zap.Int("names", o.routes.len()))
	}
	o.probe.connected(o.now)
	o.routes.each(o.touch)
}

func (c *arrived) apply(o *owner) {
	defer c.session.recycle(c.batch)
	if c.session == o.session {
		o.progressAt = o.now
		if err := o.deliver(c.frames); err != nil {
			o.lose(err)
		}
	}
}

func (c *ended) apply(o *owner) {
	if c.session == o.session {
		o.lose(c.err)
	}
}

func (c *probed) apply(o *owner) {
	if c.session == o.session {
		o.probed(c.err)
	}
}

// lose gives a connection up. From here on nothing it still delivers is looked at.
func (o *owner) lose(err error) {
	if !o.connectedAt.IsZero() && o.now.Sub(o.connectedAt) > o.cfg.MaxBackoff {
		o.failures = 0
	}
	wait := o.backoff()
	o.retryAt = o.now.Add(wait)
	if o.failures == 0 || !o.connectedAt.IsZero() {
		o.cfg.Logger.Warn("pub/sub connection lost", zap.Error(err), zap.Duration("retry_in", wait))
	} else {
		o.cfg.Logger.Debug("no pub/sub connection", zap.Error(err), zap.Duration("retry_in", wait))
	}
	o.failures++
	o.replacing = o.replacing || !o.connectedAt.IsZero()
	o.outage.Store(&err)
	o.disconnect(err)
}

// disconnect ends the session. Every subscription waits again until all its names are confirmed: only then it learns
// that it was cut off, because only then what it reads to catch up has no gap to what follows.
func (o *owner) disconnect(cause error) {
	o.session.end(cause)
	o.session, o.connectedAt, o.inflight = nil, time.Time{}, nil
	o.counters.connected.Store(false)
	o.probe.disconnected()
	for s := range o.subs {
		s.unconfirmed = len(s.routes)
	}
	o.routes.each(func(r *route) {
		r.asked, r.inflight = nothing, 0
		o.touch(r)
	})
}

// backoff doubles from MinBackoff to MaxBackoff, less up to half, so that many processes do not come back together.
func (o *owner) backoff() time.Duration {
	d := o.cfg.MinBackoff
	for range o.failures {
		if d *= 2; d >= o.cfg.MaxBackoff {
			d = o.cfg.MaxBackoff
			break
		}
	}
	return d - rand.N(d/2+1)
}

// watch does what is due, and returns when it wants to be called again.
func (o *owner) watch() (next time.Time) {
	due := func(at time.Time) bool {
		if at.After(o.now) {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			return false
		}
		return true
	}
	switch {
	case o.session == nil:
		if len(o.subs) > 0 && due(o.retryAt) {
			o.dial()
		}
	case len(o.subs) == 0:
		if due(o.idleAt.Add(o.cfg.Linger)) {
			o.disconnect(errIdle)
			o.failures, o.replacing, o.retryAt = 0, false, time.Time{}
		}
	case o.connectedAt.IsZero(): // Dial has its own time limit
	case len(o.inflight) > 0 && due(o.progressAt.Add(o.cfg.Timeout)):
		o.lose(errUnconfirmed)
		due(o.retryAt)
	case o.probe.due(o.cfg, due):
		if o.probe.missing() {
			o.counters.probesFailed.Add(1)
			o.lose(errSilent)
			due(o.retryAt)
		} else {
			o.sendProbe()
		}
	}
	return next
}

// arm sets the timer. One that fires too early finds nothing due and is armed again; under load that is cheaper than to
// move it with every message.
func (o *owner) arm(next time.Time) {
	if next.IsZero() || (!o.armed.IsZero() && !next.Before(o.armed)) {
		return
	}
	o.armed = next
	o.timer.Reset(next.Sub(o.now))
}

func (o *owner) dial() {
	s := newSession(o.ctx, o.inbox.put)
	o.session = s
	o.wg.Go(func() { s.run(&o.cfg) })
}
