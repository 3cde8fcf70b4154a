package pubsubhub

// fanout collects neighbouring messages of one route, so that a subscriber's mailbox is locked once per run and not once
// per message. Nothing is copied per subscriber but a pointer.
type fanout struct {
	route *route
	run   []*Event
	kept  []*Event // room for the part of a run that passes a filter
}

// deliver routes what one read brought.
func (o *owner) deliver(frames []frame) error {
	for i := range frames {
		f := &frames[i]
		if f.event != nil {
			o.collect(f)
			continue
		}
		o.flush() // a confirmation stands between two runs: who becomes ready by it gets the second only
		var err error
		if f.verb == refusal {
			err = o.refused(string(f.name))
		} else {
			err = o.confirmed(f)
		}
		if err != nil {
			return err
		}
	}
	o.flush()
	return nil
}

func (o *owner) collect(f *frame) {
	pattern := f.verb.pattern()
	if r := o.fanout.route; r == nil || r.pattern != pattern || r.name != string(f.name) {
		o.flush()
		r = o.routes.of(pattern)[string(f.name)]
		if r == nil {
			return // on its way when we unsubscribed
		}
		o.fanout.route = r
	}
	if r := o.fanout.route; pattern {
		f.event.Pattern = r.name
	} else {
		f.event.Channel = r.name // one string for all messages of the channel
	}
	o.fanout.run = append(o.fanout.run, f.event)
}

// flush gives the run to all subscriptions whose names are confirmed.
func (o *owner) flush() {
	r, run := o.fanout.route, o.fanout.run
	if r == nil {
		return
	}
	o.probe.heard(o.now)
	var delivered, dropped uint64
	for _, s := range r.subs {
		if s.unconfirmed > 0 {
			continue
		}
		events := run
		if s.filter != nil {
			o.fanout.kept = s.keep(run, o.fanout.kept)
			if events = o.fanout.kept; len(events) == 0 {
				continue
			}
		}
		queued, missed := s.box.push(events)
		delivered += uint64(queued)
		dropped += uint64(missed)
	}
	if r != o.probe.route {
		o.counters.messages.Add(uint64(len(run)))
		o.counters.delivered.Add(delivered)
		o.counters.dropped.Add(dropped)
	}
	clear(run)
	clear(o.fanout.kept[:cap(o.fanout.kept)])
	o.fanout.route, o.fanout.run = nil, run[:0]
}
