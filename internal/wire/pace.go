package wire

import "time"

// How batches follow one another. Two large batches that take turns are cheaper than
// many small ones, and one round trip shorter for those who would be in the third. Redis
// answers what it reads in one go with one write, so batches that arrive together come
// back together, and what was in them would go together ever after: then Redis works
// while all callers wait, or the other way round.
const (
	// Two batches under way keep a Redis busy that is near. Where it is not, callers come back
	// while both are on their way, and would wait for one: one more may be under way for each
	// farther of the way.
	fewestFlights = 2
	mostFlights   = 6
	farther       = 500 * time.Microsecond
	// distance is the least time between two batches: Redis has begun with the one
	// when the other arrives.
	distance = 50 * time.Microsecond
	// lingerShare of a flight is how long an owner waits for commands that it
	// expects, but no longer than maxLinger.
	lingerShare = 16
	maxLinger   = 200 * time.Microsecond
)

// pace is what an outbox has seen of its batches.
type pace struct {
	last   int           // callers in the last one that landed
	flight time.Duration // how long one takes, on average
	way    time.Duration // the shortest time that one took on this connection, of any name

	due     int       // commands that should be here in a moment
	since   time.Time // when that was said first
	vain    int       // times in a row that they were not
	pausing int       // announcements that nobody waits for
}

func (p *pace) landed(b *Batch) {
	p.last = b.callers
	p.flight += (time.Since(b.sent) - p.flight) / 4
	if b.err == nil {
		p.way = b.way
	}
}

// flights is how many batches may be under way at the same time.
func (p *pace) flights() int { return min(fewestFlights+int(p.way/farther), mostFlights) }

// Expect announces n commands that should be here in a moment; each is then told by
// Arrived.
func (o *Outbox) Expect(n int) {
	p := &o.pace
	switch {
	case n == 0:
		return
	case p.pausing > 0:
		p.pausing--
		return
	case p.due == 0:
		p.since = time.Now()
	}
	p.due += n
}

// Arrived tells that one of the commands that were expected is here.
func (o *Outbox) Arrived() {
	p := &o.pace
	if p.due > 0 {
		if p.due--; p.due == 0 {
			p.vain = 0
		}
	}
}

// Expecting reports that callers who were just answered have probably more to
// send: yield to them before the next Flush.
func (o *Outbox) Expecting() bool {
	return len(o.under) < o.pace.flights() && o.callers < 2*o.pace.last
}

// Lingers reports that it is worth while to wait for commands that were expected.
// Where they did not come in time, it is not tried again for a while.
func (o *Outbox) Lingers() bool {
	p := &o.pace
	switch {
	case p.due == 0 || len(o.under) >= p.flights():
		return false
	case o.Full() || o.pause != nil: // they would not go now
		p.due = 0
		return false
	}
	if time.Since(p.since) < min(p.flight/lingerShare, maxLinger) {
		return true
	}
	p.due = 0
	p.vain = min(p.vain+1, 8)
	p.pausing = 1 << p.vain
	return false
}

// mayLaunch: the first batch goes at once. Another one goes only behind one
// that is on the wire, so that they arrive in order, and at a distance.
func (o *Outbox) mayLaunch() bool { return len(o.under) == 0 || o.Another() && o.Distant() }

// Another reports that a batch may follow the one before it, and is worth a call of
// its own, which is a quarter of that: otherwise what waits goes when the other has come
// back.
func (o *Outbox) Another() bool {
	b := o.newest()
	if b == nil || len(o.under) >= o.pace.flights() || !b.written.Load() || b.alone || o.pause != nil || len(o.failed) > 0 {
		return false
	}
	if b.landed {
		return false // before one that was sent earlier, perhaps with an error: its commands go before what waits
	}
	if o.backoff > 0 {
		return false // Redis could refuse the first once more, and a moment later run the second
	}
	callers := o.callers
	if len(o.under) >= fewestFlights {
		callers = o.hurried
	}
	return o.Full() || callers > 0 && 4*callers >= b.callers
}

// Distant reports that the last batch is far enough ahead for another one.
func (o *Outbox) Distant() bool { return time.Since(o.newest().sent) >= distance }
