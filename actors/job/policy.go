package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/thoonk-go/thoonk/pool"
)

// ErrInvalidDelay is returned for a negative delay.
var ErrInvalidDelay = errors.New("job: invalid delay")

// A Handler does a job. Its context ends after the Timeout of the job set, when
// the claim is lost (ErrNotOwner) or the engine closes (ErrShutdown): see
// context.Cause. The slot and the lease are held until it returns, so a job never
// runs twice because of a handler that ignores its context.
//
// Returning nil as the error finishes the job, with a result unless that is nil.
// Any other error, or a panic, is a failure: the job is tried again after a
// back-off, and stalled after MaxFailures. Stall, RetryAfter, Snooze and Discard
// make errors that decide otherwise.
type Handler func(ctx context.Context, c *Claim) (result []byte, err error)

// Middleware wraps a handler. The first given is the outermost.
type Middleware func(Handler) Handler

// A verdict is an error with which a handler decides about its job.
type verdict struct {
	how   ending
	drop  bool
	cause error
}

func (v *verdict) Error() string { return fmt.Sprintf("%s: %v", v.how.what, v.cause) }
func (v *verdict) Unwrap() error { return v.cause }

// Stall makes an error that stalls the job at once: it makes no sense to try again.
func Stall(err error) error {
	return &verdict{how: ending{what: "stall", text: text(err)}, cause: err}
}

// RetryAfter makes an error that counts as a failure, and has the job tried again
// after d instead of the back-off.
func RetryAfter(d time.Duration, err error) error {
	return &verdict{how: ending{what: "cancel", delay: max(d, 0), text: text(err)}, cause: err}
}

// Snooze makes an error that has the job tried again after d, and does not count
// as a failure.
func Snooze(d time.Duration) error {
	return &verdict{how: ending{what: "snooze", delay: max(d, 0)}, cause: errors.New("snoozed")}
}

// Discard makes an error that ends the job without a result, in spite of err.
func Discard(err error) error {
	return &verdict{drop: true, how: ending{what: "discard"}, cause: err}
}

// judge is what becomes of a job whose handler returned err.
func judge(err error) (how ending, finished bool) {
	if err == nil {
		return ending{}, true
	}
	var v *verdict
	var p *pool.PanicError // a failure, whatever the value
	switch {
	case !errors.As(err, &p) && errors.As(err, &v):
		return v.how, v.drop
	default:
		return ending{what: "cancel", delay: -1, text: text(err)}, false
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
