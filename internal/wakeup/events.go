package wakeup

import (
	"context"
	"slices"
	"strings"

	"github.com/mediocregopher/radix/v4"
	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// connected: the session can be used.
type connected struct{}

func (*connected) apply(s *shard) {
	s.ready, s.idleAt = true, s.now
	s.w.connections.Add(1)
	if s.replacing {
		s.replacing = false
		s.w.reconnects.Add(1)
	}
	if s.suspicious {
		s.suspicious = false
		s.checkAt, s.recheck = s.now, s.checking
	}
}

// ended: the session is no more.
type ended struct {
	last  event // a reply that had come when it broke; may be nil
	cause error
}

func (e *ended) apply(s *shard) {
	if e.last != nil {
		e.last.apply(s)
	}
	s.w.mu.Lock()
	s.suspicious = s.suspicious || s.blocked
	s.blocked = false
	s.w.mu.Unlock()
	s.lost(e.cause)
}

// apply takes the reply to a pop.
func (p *pop) apply(s *shard) {
	s.busy, s.idleAt, s.unheeded = false, s.now, 0
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.blocked = false
	switch {
	case p.refused != nil:
		s.refused(p)
		return
	case len(p.reply) != 2: // the time was over, so the control list was empty
		s.asked = s.asked && s.pushing
	case p.reply[0] == s.control:
		s.asked = false
	default:
		s.hand(p.reply[0], p.reply[1])
	}
	s.failures = 0
}

// hand gives an id to its waiter, or back. The caller holds Waker.mu.
func (s *shard) hand(key, id string) {
	i := slices.IndexFunc(s.slots, func(sl *slot) bool { return sl.key == key })
	if i < 0 { // cannot be: a name keeps its place while it is in a pop
		if name, ok := s.w.cfg.Naming.Name(strings.TrimPrefix(key, string(contract.IDs))); ok {
			s.w.giveBack(name, id)
		}
		return
	}
	sl := s.slots[i]
	s.slots = slices.Concat(s.slots[i+1:], s.slots[:i+1])
	sl.bad = 0
	switch {
	case sl.waiter == nil:
		s.w.giveBack(sl.name, id)
	case sl.waiter.Wake(id):
		s.w.wakes.Add(1)
		s.w.disarm(sl)
		sl.until = s.now.Add(s.w.cfg.Linger)
	default:
		sl.pause = s.now.Add(pauseAfter)
		s.w.giveBack(sl.name, id)
	}
}

// refused takes an error reply to a pop. A key that is not a list, or that we may
// not touch, must not keep the others from being popped. Anything else passes, or
// another connection may help.
func (s *shard) refused(p *pop) {
	if !isError(p.refused, "WRONGTYPE", "NOPERM") {
		if s.w.cfg.Turned != nil {
			s.w.cfg.Turned(p.refused)
		}
		s.session.end(p.refused)
		return
	}
	keys := slices.DeleteFunc(p.keys, func(k string) bool { return k == s.control })
	s.start(&types{keys: keys, broken: make(map[string]bool), why: p.refused}, s.w.cfg.grace+doTimeout)
}

// apply leaves the keys that cannot be popped out for a while.
func (t *types) apply(s *shard) {
	s.busy, s.idleAt = false, s.now
	denied := isError(t.why, "NOPERM")
	all := denied && len(t.broken) == 0 // not the keys of the names: the command, or the control list
	if len(t.broken) == 0 && !denied {  // nothing is wrong with them any more
		s.session.end(t.why)
		return
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for _, sl := range s.slots {
		if !all && !t.broken[sl.key] || sl.waiter == nil {
			continue
		}
		sl.pause = s.now.Add(badType << min(sl.bad, 5))
		sl.bad++
		if denied {
			s.log().Warn("not permitted to wait for a name", zap.String("name", sl.name), zap.Error(t.why))
			sl.waiter.Refused(t.why)
			continue
		}
		s.log().Debug("a name cannot be popped", zap.String("name", sl.name), zap.Error(t.why))
		s.w.suspicion.Add(1)
		sl.waiter.Suspect()
	}
}

// interrupt ends the pop under way, unless it is about to end anyway: one push at a
// time, and none while one is in the control list. A pop that does not end soon after
// its interrupt was pushed gets another one, in case the list was deleted; then the
// connection is dead, which is noticed here sooner than by the pop's time limit.
func (s *shard) interrupt() {
	if s.pushing || !s.due(s.pushAt) {
		return
	}
	if s.asked {
		if !s.due(s.askedAt.Add(askAgain)) {
			return
		}
		if s.unheeded++; s.unheeded == 2 {
			s.session.end(errSilent)
			return
		}
	}
	s.pushing, s.asked = true, true
	s.w.interrupts.Add(1)
	session := s.session
	go func() {
		push := radix.NewPipeline()
		push.Append(radix.Cmd(nil, "LPUSH", s.control, "1"))
		push.Append(radix.Cmd(nil, "PEXPIRE", s.control, "60000"))
		s.events <- &pushed{session, s.w.do(push)}
	}()
}

// pushed: the interrupt is in the control list, or failed.
type pushed struct {
	session *session // that it was for
	err     error
}

func (p *pushed) apply(s *shard) {
	s.pushing, s.askedAt = false, s.now
	if p.err != nil {
		s.asked = false
		s.pushAt = s.now.Add(backoff(s.pushes))
		log := s.log().Debug
		if s.pushes == 0 && isError(p.err) {
			log = s.log().Warn // names that are new here will have to wait
		}
		log("interrupt failed", zap.Error(p.err))
		s.pushes++
		return
	}
	s.pushes = 0
	if p.session != s.session {
		s.asked = false // the connection before may have taken it
	}
}

// check asks whether ids of the shard's names got lost, when that is due.
func (s *shard) check() {
	if s.w.cfg.Check == nil || s.checking || !s.due(s.checkAt) {
		return
	}
	s.checking = true
	names := s.armedNames()
	go func() {
		suspects, err := await(s.w.ctx, func(ctx context.Context) ([]string, error) { return s.w.cfg.Check(ctx, names) })
		s.events <- &checked{suspects, err}
	}()
}

func (s *shard) armedNames() (names []string) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for _, sl := range s.slots {
		if sl.waiter != nil {
			names = append(names, sl.name)
		}
	}
	return names
}

// checked: the answer of Check.
type checked struct {
	suspects []string
	err      error
}

func (c *checked) apply(s *shard) {
	s.checking = false
	if s.recheck {
		s.recheck = false
	} else {
		s.checkAt = s.now.Add(jitter(s.w.cfg.CheckEvery))
	}
	if c.err != nil {
		log := s.log().Debug
		if isError(c.err) {
			log = s.log().Warn
		}
		log("looking for lost ids failed", zap.Error(c.err))
		return
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for _, name := range c.suspects {
		if sl := s.w.slots[name]; sl != nil && sl.waiter != nil {
			s.w.suspicion.Add(1)
			sl.waiter.Suspect()
		}
	}
}
