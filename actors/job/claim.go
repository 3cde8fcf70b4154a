package job

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A Claim is one job in the hands of one worker. It ends with Finish, Cancel,
// Stall or Return; in a handler, with what the handler returns. Each of them is
// refused with ErrNotOwner once the claim has ended or its lease has passed. Safe
// for concurrent use.
type Claim struct {
	ID       string
	Body     []byte
	Failures int       // so far
	Put      time.Time // when the job was put, or retried after it had been stalled
	Claimed  time.Time // when this claim began, on Redis' clock

	jobs    *Jobs
	token   string
	timeout time.Duration // of the job set
	ended   atomic.Bool   // by one of the methods
}

// Jobs is the job set that the claim belongs to.
func (c *Claim) Jobs() *Jobs { return c.jobs }

// Get claims the next job. It waits until there is one, as a queue's Get does. The
// claim is yours for the Timeout of the job set; Extend begins that time anew.
// Then, or when this process dies, the job goes to another worker.
func (j *Jobs) Get(ctx context.Context) (*Claim, error) {
	c, err := j.get(ctx, true)
	return c, j.wrap("get", err)
}

// TryGet claims the next job, or returns ErrEmpty if none is available or claims
// are paused.
func (j *Jobs) TryGet(ctx context.Context) (*Claim, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, j.kind.host.Patience, actor.ErrUnavailable)
	defer cancel()
	c, err := j.get(ctx, false)
	if err != nil && context.Cause(ctx) == actor.ErrUnavailable {
		err = fmt.Errorf("%w (%w)", actor.ErrUnavailable, actor.ErrNotSent)
	}
	return c, j.wrap("get", err)
}

func (j *Jobs) get(ctx context.Context, waits bool) (*Claim, error) {
	g := j.kind.getters.New(1, waits)
	defer j.kind.getters.Free(g)
	claims, err := actor.Ask[[]*Claim](ctx, j.h, g)
	if err != nil {
		return nil, err
	}
	return claims[0], nil
}

// Finish ends the job. A result, which may be empty but not nil, is announced to
// those who wait for the job and kept for the ResultTTL of the job set.
//
// After a lost reply the call is repeated by itself; if the claim is gone by then
// the outcome is unknown: the first try may have finished the job, or the lease
// may have passed before.
func (c *Claim) Finish(ctx context.Context, result []byte) error {
	if err := contract.CheckItem(result, c.jobs.kind.host.MaxItem); err != nil {
		return c.jobs.wrap("finish", host.Refused(err))
	}
	call := wire.NewCall(finish, 1, finishArgs(c, result), wire.Worst)
	call.Keyed, call.Suffix = result != nil, c.ID
	return c.end(ctx, "finish", call)
}

// Cancel counts a failure and makes the job available again, at the back of the
// line. At the MaxFailures of the job set it is stalled instead. why, if not
// empty, is kept as the job's last error.
func (c *Claim) Cancel(ctx context.Context, why string) error {
	return c.release(ctx, ending{what: "cancel", text: why})
}

// Return makes the job available again at the front of the line, and counts
// nothing: as if it had not been claimed.
func (c *Claim) Return(ctx context.Context) error {
	return c.release(ctx, ending{what: "return"})
}

// Snooze makes the job available again after d, and counts nothing.
func (c *Claim) Snooze(ctx context.Context, d time.Duration) error {
	if d < 0 {
		return c.jobs.wrap("snooze", host.Refused(fmt.Errorf("%w: %v, it must not be negative", ErrInvalidDelay, d)))
	}
	err := c.release(ctx, ending{what: "snooze", delay: d})
	if err == nil {
		c.jobs.kind.news(c.jobs, delayed{d})
	}
	return err
}

// Stall puts the job aside: it is not tried again until somebody retries it. why,
// if not empty, is kept as the job's last error.
func (c *Claim) Stall(ctx context.Context, why string) error {
	return c.release(ctx, ending{what: "stall", text: why})
}

// Extend begins the lease of the claim anew. Claims that handlers run are extended
// by themselves.
func (c *Claim) Extend(ctx context.Context) error {
	args := wire.NewArgs(2, len(c.ID)+len(c.token)).String(c.ID).String(c.token)
	return c.do(ctx, "extend", wire.NewCall(extend, 1, args, wire.Worst))
}

// Progress tells those who follow the job set how far the job is, and keeps the
// text for Info until the claim ends.
func (c *Claim) Progress(ctx context.Context, text string) error {
	if err := contract.CheckItem([]byte(text), c.jobs.kind.host.MaxItem); err != nil {
		return c.jobs.wrap("progress", host.Refused(err))
	}
	args := wire.NewArgs(3, len(c.ID)+len(c.token)+len(text)).String(c.ID).String(c.token).String(text)
	return c.do(ctx, "progress", wire.NewCall(progress, 1, args, wire.Worst))
}

func (c *Claim) release(ctx context.Context, e ending) error {
	return c.end(ctx, e.what, wire.NewCall(release, 1, releaseArgs(c, e), wire.Worst))
}

func (c *Claim) end(ctx context.Context, op string, call *wire.Call[int64]) error {
	err := c.do(ctx, op, call)
	if err == nil {
		c.ended.Store(true)
	}
	return err
}

// do runs an operation of the claim's owner.
func (c *Claim) do(ctx context.Context, op string, call *wire.Call[int64]) error {
	call.Repeatable = true
	status, err := ask(ctx, c.jobs, call)
	if err == nil {
		err = ownership(status)
	}
	return c.jobs.wrap(op, err)
}

// ownership is what a status of the scripts that end or renew a claim means.
func ownership(status int64) error {
	switch status {
	case 0:
		return ErrNotOwner
	case 2:
		return fmt.Errorf("%w: the call was repeated, and the claim is gone", actor.ErrOutcomeUnknown)
	}
	return nil
}

// finishArgs go with the key of the result, if there is one.
func finishArgs(c *Claim, result []byte) wire.Args {
	args := wire.NewArgs(3, len(c.ID)+len(c.token)+1+len(result)).String(c.ID).String(c.token)
	if result == nil {
		return args.String("")
	}
	return args.Marked('1', result)
}

// An ending is how a claim ends without finishing its job.
type ending struct {
	what  string        // see release.lua
	delay time.Duration // negative: the back-off of the job set
	text  string
}

// maxError is how much of an error's text is kept.
const maxError = 8 << 10

func releaseArgs(c *Claim, e ending) wire.Args {
	ms := int64(-1)
	if e.delay >= 0 {
		ms = e.delay.Milliseconds()
	}
	if len(e.text) > maxError {
		e.text = e.text[:maxError]
	}
	return wire.NewArgs(6, len(c.ID)+len(c.token)+len(e.text)+32).String(c.ID).String(c.token).
		String(e.what).Int(ms).Int(rand.Int64N(1001)).String(e.text)
}
