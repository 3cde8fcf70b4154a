package job

import (
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// resolute is part of commands that nobody can give up: what they bring, or
// change, has to be known.
type resolute struct{}

// Begin, Unbegin and Left implement wire.Command.
func (resolute) Begin() bool   { return true }
func (resolute) Unbegin() bool { return true }
func (resolute) Left() bool    { return false }

// A claiming is a claim under way.
type claiming struct {
	wire.Request
	resolute
	owner  *owner
	slot   int
	want   int
	slots  int      // of the handler's pool, held for it; 0: it is for getters
	upTo   uint64   // the newest getter it was sent for
	popped []string // ids that it begins with

	status int64
	now    int64 // on Redis' clock, ms
	more   string
	got    []*Claim
}

// Decode implements wire.Command.
func (c *claiming) Decode(r wire.Reader) (err error) {
	if err = r.Array(6); err != nil {
		return err
	}
	if c.status, err = r.Int(); err != nil {
		return err
	}
	if c.more, _, err = r.String(); err != nil {
		return err
	}
	token, _, err := r.String()
	if err != nil {
		return err
	}
	if c.now, err = r.Int(); err != nil {
		return err
	}
	timeout, err := r.Int()
	if err != nil {
		return err
	}
	n, err := r.Rows(4, c.want)
	if err != nil {
		return err
	}
	c.got = make([]*Claim, n)
	claims := make([]Claim, n)
	for i := range claims {
		one := &claims[i]
		one.jobs, one.token, one.timeout = c.owner.jobs, token, time.Duration(timeout)*time.Millisecond
		one.Claimed = time.UnixMilli(c.now)
		if one.ID, _, err = r.String(); err != nil {
			return err
		}
		if one.Body, err = r.Bytes(); err != nil {
			return err
		}
		failures, err := r.Int()
		if err != nil {
			return err
		}
		put, err := r.Int()
		if err != nil {
			return err
		}
		one.Failures, one.Put = int(failures), time.UnixMilli(put)
		c.got[i] = one
	}
	return nil
}

// Settle implements wire.Command.
func (c *claiming) Settle(err error) {
	if err != nil {
		c.got = nil
	}
	c.owner.landed(c, err)
}

// A settling is a command of one claim, or a timer's, that tells the owner how it
// ended.
type settling struct {
	wire.Request
	resolute
	then   func(status int64, err error) // on the owner's goroutine
	status int64
}

// Decode implements wire.Command.
func (s *settling) Decode(r wire.Reader) (err error) {
	s.status, err = wire.Worst(r, s.Groups)
	return err
}

// Settle implements wire.Command.
func (s *settling) Settle(err error) { s.then(s.status, err) }

// A renewing is the renewal of some leases.
type renewing struct {
	wire.Request
	resolute
	some     []*execution
	statuses []int64
	then     func(*renewing, error)
}

// Decode implements wire.Command.
func (r *renewing) Decode(rd wire.Reader) (err error) {
	r.statuses, err = wire.Statuses(rd, r.Groups)
	return err
}

// Settle implements wire.Command.
func (r *renewing) Settle(err error) { r.then(r, err) }

// An alarm sends a tick to its owner after a time. It is set by the owner only.
type alarm struct {
	box   *actor.Mailbox[command]
	timer *time.Timer
	at    time.Time // zero: not set
}

// set has the alarm ring after d, or earlier if it is set to that already.
func (a *alarm) set(d time.Duration) {
	at := time.Now().Add(d)
	if !a.at.IsZero() && !at.Before(a.at) {
		return
	}
	a.stop()
	a.at = at
	a.timer = time.AfterFunc(d, a.ring)
}

// isSet reports whether the alarm will ring.
func (a *alarm) isSet() bool { return !a.at.IsZero() }

// ring runs on a timer's goroutine. A full inbox is a reason to wait, not to
// forget.
func (a *alarm) ring() {
	if a.box.TrySend(tick{a}) {
		return
	}
	select {
	case <-a.box.Quit():
	default:
		time.AfterFunc(20*time.Millisecond, a.ring)
	}
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.at = time.Time{}
}
