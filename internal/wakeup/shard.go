package wakeup

import (
	"errors"
	"time"

	"go.uber.org/zap"
)

var (
	errIdle   = errors.New("wakeup: nothing to wait for")
	errSilent = errors.New("wakeup: no reply in time")
	errClosed = errors.New("wakeup: closed")
)

// A shard is one connection and the names that share it. One goroutine owns it:
// its fields are plain, except for the first group, which Arm and Disarm use too.
type shard struct {
	w       *Waker
	number  int
	only    string // the one name that it is for; empty: any
	control string

	// Guarded by Waker.mu.
	slots   []*slot // in the order of the next pop
	pop     uint64  // number of the last pop
	blocked bool    // it is under way

	changed chan struct{} // names were armed or disarmed
	events  chan event
	now     time.Time
	next    time.Time // when step wants to run again
	closing bool

	session    *session // nil: none, see retryAt
	ready      bool     // the session is connected
	busy       bool     // it has something to do
	silentAt   time.Time
	idleAt     time.Time // when it last had
	retryAt    time.Time
	failures   int  // connections in a row without a reply
	replacing  bool // the next connection replaces a lost one
	suspicious bool // a pop was lost

	pushing  bool      // an interrupt is being pushed
	asked    bool      // an interrupt is, or will be, in the control list
	askedAt  time.Time // since then, if not pushing
	pushAt   time.Time // not before this the next one
	pushes   int       // failed in a row
	unheeded int       // pushed in a row without effect
	leaveAt  time.Time // when disarmed names interrupt; zero: there are none

	checking bool
	recheck  bool // a connection was lost and replaced meanwhile
	checkAt  time.Time
}

// event is what the shard is told by what it started.
type event interface{ apply(*shard) }

func newShard(w *Waker, number int, only string) *shard {
	return &shard{
		w:       w,
		number:  number,
		only:    only,
		control: w.control(number, only),
		changed: make(chan struct{}, 1),
		events:  make(chan event),
		checkAt: time.Now().Add(jitter(w.cfg.CheckEvery)),
	}
}

// signal tells the owner that its names have changed.
func (s *shard) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *shard) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	closing, cut := s.w.closing, s.w.ctx.Done()
	for {
		s.now, s.next = time.Now(), time.Time{}
		s.step()
		if s.end() {
			return
		}
		if s.next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(s.next.Sub(s.now))
		}
		select {
		case <-s.changed:
		case <-timer.C:
		case e := <-s.events:
			s.now = time.Now()
			e.apply(s)
		case <-closing:
			closing, s.closing = nil, true
		case <-cut:
			cut, s.closing = nil, true
			if s.session != nil {
				s.session.end(errClosed)
			}
		}
	}
}

// due reports whether the time has come; if not, step will run then.
func (s *shard) due(at time.Time) bool {
	if !at.After(s.now) {
		return true
	}
	if s.next.IsZero() || at.Before(s.next) {
		s.next = at
	}
	return false
}

// step does what is to be done now.
func (s *shard) step() {
	v := s.look()
	switch {
	case s.session == nil:
		if v.ready && !s.closing && s.due(s.retryAt) {
			s.connect()
		}
	case s.session.ctx.Err() != nil: // its end is on its way
	case !s.ready:
		if s.closing {
			s.session.end(errClosed)
		}
	case s.busy:
		if s.due(s.silentAt) {
			s.session.end(errSilent)
		}
		if s.blocked && (v.missing || s.closing || (v.leaving && s.due(s.leaveAt))) {
			s.interrupt()
		}
	case s.issue():
	case s.closing:
		s.session.end(errClosed)
	case s.due(s.idleAt.Add(s.w.cfg.Linger)):
		s.session.end(errIdle)
	}
	if s.ready && v.armed > 0 && !s.closing {
		s.check()
	}
}

// view is what the names are like.
type view struct {
	armed   int
	ready   bool // some are to be popped now
	missing bool // some of these are not in the pop under way
	leaving bool // some are in the pop under way but not armed
}

// look gives up the places of names that are not armed any more, and returns what
// the others are like.
func (s *shard) look() (v view) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	kept := s.slots[:0]
	for _, sl := range s.slots {
		switch {
		case sl.popping():
			v.leaving = v.leaving || sl.waiter == nil
		case sl.waiter == nil:
			if s.closing || s.due(sl.until) {
				delete(s.w.slots, sl.name)
				continue
			}
		case s.free(sl):
			v.ready, v.missing = true, s.blocked
		}
		if sl.waiter != nil {
			v.armed++
		}
		kept = append(kept, sl)
	}
	clear(s.slots[len(kept):])
	s.slots = kept
	switch {
	case !v.leaving:
		s.leaveAt = time.Time{}
	case s.leaveAt.IsZero():
		s.leaveAt = s.now.Add(leaveAfter)
	}
	return v
}

// free reports whether an armed name may be in a pop now.
func (s *shard) free(sl *slot) bool {
	paused, held := !s.due(sl.pause), !s.due(sl.hold)
	return !paused && !held
}

// issue starts a pop of all names that are armed, and reports whether there are
// any. The one that was served last is the last one, so all are served in turn.
func (s *shard) issue() bool {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	keys := make([]string, 1, len(s.slots)+1)
	keys[0] = s.control
	s.pop++
	for _, sl := range s.slots {
		if sl.waiter != nil && s.free(sl) {
			keys = append(keys, sl.key)
			sl.pop = s.pop
		}
	}
	if len(keys) == 1 {
		return false
	}
	s.blocked = true
	s.w.pops.Add(1)
	s.leaveAt = time.Time{}
	timeout := s.w.cfg.timeout(int(s.w.connections.Load()))
	s.start(&pop{keys: keys, timeout: timeout}, timeout+s.w.cfg.grace)
	return true
}

// start gives the connection something to do.
func (s *shard) start(r request, limit time.Duration) {
	s.busy = true
	s.silentAt = s.now.Add(limit)
	s.due(s.silentAt)
	s.session.requests <- r
}

// end reports whether the shard has nothing to do any more, and then takes it off
// the waker's list: what is armed from now on gets another one.
func (s *shard) end() bool {
	if s.session != nil || s.pushing || s.checking {
		return false
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if len(s.slots) > 0 {
		return false
	}
	s.w.shards[s.number] = nil
	s.w.leave()
	return true
}

func (s *shard) connect() {
	s.session = newSession(s.w.ctx, s.control, func(e event) { s.events <- e })
	go s.session.run(&s.w.cfg)
}

// lost takes the end of a connection.
func (s *shard) lost(cause error) {
	s.session = nil
	if s.ready {
		s.ready = false
		s.w.connections.Add(-1)
		s.replacing = true
	}
	s.busy = false
	if !s.pushing {
		s.asked = false // the lost connection may have taken it
	}
	s.unheeded = 0
	if cause == errIdle || cause == errClosed {
		s.failures, s.replacing = 0, false
		return
	}
	wait := backoff(s.failures)
	s.retryAt = s.now.Add(wait)
	log := s.log().Debug
	if s.failures == 0 {
		log = s.log().Warn
	}
	log("connection for blocking pops lost", zap.Error(cause), zap.Duration("retry_in", wait))
	s.failures++
}
