package pubsubhub

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"go.uber.org/zap"
)

var (
	errIdle        = errors.New("pubsubhub: nothing to follow")
	errSilent      = errors.New("pubsubhub: the connection delivers nothing")
	errUnconfirmed = errors.New("pubsubhub: Redis did not confirm in time")
)

// probeAgain is how soon the first probe that could not be published is followed by another; the wait doubles.
const probeAgain = time.Second

// probe checks that the connection delivers: after silence the hub publishes to a channel of its own. A probe is for one
// connection at a time.
type probe struct {
	route   *route    // nil: no probes
	refused bool      // Redis does not let us follow the channel on this connection
	quietAt time.Time // since then nothing came
	flying  bool      // a probe is being published, or is published and has not arrived
	missAt  time.Time // of a published probe: when it counts as missing
	failed  int       // in a row could not be published
}

// probeName is 64 random bits, so that no two hubs share a channel.
func probeName(prefix string) string { return prefix + rand.Text()[:13] }

func (p *probe) connected(now time.Time) { p.quietAt = now }

func (p *probe) disconnected() {
	p.refused, p.flying, p.missAt = false, false, time.Time{}
}

// heard tells that a message came, whichever.
func (p *probe) heard(now time.Time) {
	p.quietAt, p.flying, p.missAt, p.failed = now, false, time.Time{}, 0
}

// unsent tells that one could not be published, which proves nothing about this connection. The one that carries commands
// may be as dead, and is replaced once that was noticed: so another try comes soon, the next one later.
func (p *probe) unsent(cfg Config, now time.Time) {
	retry := cfg.ProbeAfter
	if p.failed < 3 {
		retry = min(retry, probeAgain<<p.failed)
	}
	p.failed++
	p.quietAt, p.flying = now.Add(retry-cfg.ProbeAfter), false
}

// due reports whether a probe is to be sent, or is missing.
func (p *probe) due(cfg Config, due func(time.Time) bool) bool {
	switch {
	case p.route == nil || p.refused || !p.route.live():
		return false
	case !p.flying:
		return due(p.quietAt.Add(cfg.ProbeAfter))
	case p.missAt.IsZero():
		return false // still being published
	default:
		return due(p.missAt)
	}
}

func (p *probe) missing() bool { return p.flying }

func (o *owner) sendProbe() {
	o.probe.flying = true
	o.counters.probesSent.Add(1)
	s, channel := o.session, o.probe.route.name
	o.wg.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, o.cfg.ProbeTimeout)
		defer cancel()
		s.tell(&probed{s, o.cfg.Publish(ctx, channel, "probe")})
	})
}

// probed takes the result of Publish.
func (o *owner) probed(err error) {
	switch {
	case err != nil:
		o.counters.probesFailed.Add(1)
		o.cfg.Logger.Warn("pub/sub probe could not be published", zap.Error(err))
		if o.probe.flying {
			o.probe.unsent(o.cfg, o.now)
		}
	case o.probe.flying:
		o.probe.missAt = o.now.Add(o.cfg.ProbeTimeout)
	}
}
