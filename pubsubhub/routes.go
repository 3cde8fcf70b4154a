package pubsubhub

import "slices"

// groupSize is how many names one command carries.
const groupSize = 512

// asked is what Redis was last asked about a name on this connection.
type asked uint8

const (
	nothing asked = iota
	toFollow
	toForget
)

// route is one name and who follows it.
type route struct {
	name     string
	pattern  bool
	subs     []*Subscription
	asked    asked
	inflight int // commands not yet confirmed; the last one counts
	dirty    bool
}

// live reports whether Redis has confirmed that we follow the name.
func (r *route) live() bool { return r.asked == toFollow && r.inflight == 0 }

// verb is the command that asks for what is wanted.
func (r *route) verb(want bool) verb {
	switch {
	case want && r.pattern:
		return psubscribe
	case want:
		return subscribe
	case r.pattern:
		return punsubscribe
	default:
		return unsubscribe
	}
}

type routes struct{ channels, patterns map[string]*route }

func (rs *routes) of(pattern bool) map[string]*route {
	if pattern {
		return rs.patterns
	}
	return rs.channels
}

func (rs *routes) each(f func(*route)) {
	for _, r := range rs.channels {
		f(r)
	}
	for _, r := range rs.patterns {
		f(r)
	}
}

func (rs *routes) len() int { return len(rs.channels) + len(rs.patterns) }

// route returns the route of a name, which reconcile removes if nobody follows it.
func (o *owner) route(name string, pattern bool) *route {
	all := o.routes.of(pattern)
	r := all[name]
	if r == nil {
		r = &route{name: name, pattern: pattern}
		all[name] = r
		o.count()
	}
	o.touch(r)
	return r
}

func (o *owner) touch(r *route) {
	if !r.dirty {
		r.dirty = true
		o.dirty = append(o.dirty, r)
	}
}

func (o *owner) wanted(r *route) bool {
	if r == o.probe.route {
		return len(o.subs) > 0 && !o.probe.refused
	}
	return len(r.subs) > 0
}

// attach adds a subscription. It is ready when the last of its names is confirmed.
func (o *owner) attach(s *Subscription) {
	o.subs[s] = struct{}{}
	for i, names := range [][]string{s.channels, s.patterns} {
		for _, name := range names {
			r := o.route(name, i == 1)
			r.subs = append(r.subs, s)
			s.routes = append(s.routes, r)
			if !r.live() {
				s.unconfirmed++
			}
		}
	}
	s.channels, s.patterns = nil, nil
	o.probeChanged()
	if s.unconfirmed == 0 {
		o.ready(s)
	}
}

// detach removes a subscription, if it is there.
func (o *owner) detach(s *Subscription) {
	if _, ok := o.subs[s]; !ok {
		return
	}
	delete(o.subs, s)
	for _, r := range s.routes {
		last := len(r.subs) - 1
		r.subs[slices.Index(r.subs, s)] = r.subs[last]
		r.subs[last] = nil
		r.subs = r.subs[:last]
		o.touch(r)
	}
	s.routes = nil
	o.probeChanged()
}

// probeChanged keeps track of whether anybody is there: only then the hub's own channel is followed.
func (o *owner) probeChanged() {
	o.counters.subscriptions.Store(int64(len(o.subs)))
	if len(o.subs) == 0 {
		o.idleAt = o.now
	}
	if o.probe.route != nil {
		o.touch(o.probe.route)
	}
}

func (o *owner) count() {
	own := 0
	if o.probe.route != nil {
		own = 1
	}
	o.counters.channels.Store(int64(len(o.routes.channels) - own))
	o.counters.patterns.Store(int64(len(o.routes.patterns)))
}

// ready answers Subscribe or, on a later connection, tells the subscriber that it was cut off.
func (o *owner) ready(s *Subscription) {
	if s.started {
		s.box.reconnected()
		return
	}
	s.started = true
	s.ready <- nil
}

// reconcile asks Redis for what is wanted and was not asked. A name that left and came back in one round costs nothing; one
// that does so in two is asked for again at once, and the confirmations are counted.
func (o *owner) reconcile() {
	if len(o.dirty) == 0 {
		return
	}
	connected := !o.connectedAt.IsZero()
	var groups map[verb][]*route
	for _, r := range o.dirty {
		r.dirty = false
		want := o.wanted(r)
		switch {
		case want && r.asked == toFollow, !want && r.asked == toForget: // as it should be, or soon
		case !want && r.asked == nothing:
			if r != o.probe.route {
				delete(o.routes.of(r.pattern), r.name)
				o.count()
			}
		case connected && r == o.probe.route:
			o.send(r.verb(want), []*route{r}) // alone: who may not follow it must not wait for others to be sorted out
		case connected:
			if groups == nil {
				groups = make(map[verb][]*route)
			}
			groups[r.verb(want)] = append(groups[r.verb(want)], r)
		}
	}
	clear(o.dirty)
	o.dirty = o.dirty[:0]
	for v, group := range groups {
		for names := range slices.Chunk(group, groupSize) {
			o.send(v, names)
		}
	}
}
