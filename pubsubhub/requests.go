package pubsubhub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mediocregopher/radix/v4/resp/resp3"
	"go.uber.org/zap"
)

// request is a command that Redis confirms name by name, or refuses as a whole.
type request struct {
	verb   verb
	routes []*route
	done   int
}

// send asks Redis for something that is not asked yet.
func (o *owner) send(v verb, group []*route) {
	if len(o.inflight) == 0 {
		o.progressAt = o.now
	}
	o.inflight = append(o.inflight, &request{verb: v, routes: group})
	for _, r := range group {
		r.inflight++
		r.asked = toForget
		if v == subscribe || v == psubscribe {
			r.asked = toFollow
		}
	}
	o.session.out.put(appendCommand(nil, v, group))
}

// confirmed takes Redis' word for the next name in flight.
func (o *owner) confirmed(f *frame) error {
	if len(o.inflight) == 0 {
		return fmt.Errorf("%w: %s of %q was not asked for", errMalformed, f.verb, f.name)
	}
	q := o.inflight[0]
	r := q.routes[q.done]
	if q.verb != f.verb || r.name != string(f.name) {
		return fmt.Errorf("%w: %s of %q instead of %q", errMalformed, f.verb, f.name, r.name)
	}
	if q.done++; q.done == len(q.routes) {
		o.inflight = o.inflight[1:]
	}
	r.inflight--
	switch {
	case r.inflight > 0: // asked again since: the last word counts
	case r.asked == toForget:
		r.asked = nothing
		o.touch(r)
	default:
		o.outage.Store(nil)
		for _, s := range r.subs {
			if s.unconfirmed--; s.unconfirmed == 0 {
				o.ready(s)
			}
		}
	}
	return nil
}

// refused takes an error in reply to the first command in flight. Redis refuses all names of a command for one that the
// user may not follow, so it is asked again in halves until that one is alone. Any other error is a matter of the
// connection, or of a server that cannot answer now.
func (o *owner) refused(text string) error {
	reply := resp3.SimpleError{S: text}
	if len(o.inflight) == 0 || !strings.HasPrefix(text, "NOPERM") {
		return fmt.Errorf("pubsubhub: %w", reply)
	}
	q := o.inflight[0]
	if q.verb == unsubscribe || q.verb == punsubscribe {
		return fmt.Errorf("pubsubhub: %w", reply)
	}
	o.inflight = o.inflight[1:]
	var again []*route
	for _, r := range q.routes[q.done:] {
		if r.inflight--; r.inflight > 0 {
			continue // asked again since
		}
		r.asked = nothing
		if o.wanted(r) {
			again = append(again, r)
		} else {
			o.touch(r)
		}
	}
	if len(q.routes) == 1 && len(again) == 1 {
		o.refuse(again[0], fmt.Errorf("%w: %q: %w", ErrRefused, again[0].name, reply))
	} else if half := (len(again) + 1) / 2; half > 0 {
		for part := range slices.Chunk(again, half) {
			o.send(q.verb, part)
		}
	}
	return nil
}

// refuse ends the subscriptions of a name.
func (o *owner) refuse(r *route, err error) {
	o.cfg.Logger.Warn("not allowed to follow", zap.String("name", r.name), zap.Error(err))
	if r == o.probe.route {
		o.probe.refused = true
		return
	}
	for _, s := range slices.Clone(r.subs) {
		o.detach(s)
		s.box.end(err, false)
		if !s.started {
			s.ready <- err
		}
	}
}
