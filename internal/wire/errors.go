package wire

import (
	"errors"
	"fmt"
	"strings"

	"github.com/thoonk-go/thoonk/internal/actor"
)

var (
	errAbandoned  = errors.New("wire: the batch was abandoned")
	errOvertaking = errors.New("wire: the connection was replaced while a batch was under way")
)

// A RefusedError is an error that Redis answered instead of running a call.
// Scripts check before they write, so nothing ran: it wraps ErrNotSent. There is one
// exception: a user who may run a script but not every command in it may be stopped
// behind the first of its writes. Then it wraps ErrOutcomeUnknown.
type RefusedError struct {
	Message string
	partly  bool
}

func (e *RefusedError) Error() string { return "redis refused: " + e.Message }

// Unwrap makes errors.Is true for ErrNotSent, or ErrOutcomeUnknown.
func (e *RefusedError) Unwrap() error {
	if e.partly {
		return actor.ErrOutcomeUnknown
	}
	return actor.ErrNotSent
}

// Refusals that pass by themselves: Redis is starting, failing over, or busy, or a cluster moves the slot to another node.
var passing = []string{"MOVED", "ASK", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"}

// early reports that a script refused to run because the ordered call in front of it had not.
func early(refusal string) bool { return strings.HasPrefix(refusal, "EARLY") }

// Before version 7 Redis wraps the error of a command inside of a script.
const wrapped = "ERR Error running script"

func passes(refusal string) bool {
	if early(refusal) {
		return true
	}
	for _, p := range passing {
		if strings.HasPrefix(refusal, p) || strings.HasPrefix(refusal, wrapped) && strings.Contains(refusal, ": -"+p+" ") {
			return true
		}
	}
	return false
}

// refused is the answer to a command that Redis refused. If an earlier attempt may
// have run, the refusal of this one does not prove that nothing did.
func refused(r *Request, refusal string) error {
	err := &RefusedError{Message: refusal}
	if where, text := r.Script.line(refusal); text != "" {
		if strings.Contains(text, "'PUBLISH'") {
			text += " on " + patterns("&", r.Script.Channels)
		}
		err.Message = fmt.Sprintf("%s (script %s: %s)", strings.TrimRight(refusal[:where], " ,.:"), r.Script.Name, text)
		if denied(refusal) {
			text := strings.TrimPrefix(strings.TrimPrefix(err.Message, "ERR "), noPermission+" ")
			err.Message, err.partly = noPermission+" "+text, !r.ReadOnly
		}
	} else if strings.HasPrefix(refusal, noPermission) {
		err.Message = fmt.Sprintf("%s (script %s with %s)", refusal, r.Script.Name, patterns("~", r.Script.known()))
	}
	if r.repeat {
		return unknown(errors.New(err.Error()))
	}
	return err
}

// noPermission begins an error about the rights of the user. Redis 7.0 and before leave
// it out where a command inside of a script is concerned, and do not say which.
const noPermission = "NOPERM"

// denied reports whether it was a lack of rights that stopped a script.
func denied(refusal string) bool {
	return strings.Contains(refusal, noPermission) || strings.Contains(refusal, "The user executing the script can't")
}

// unavailable is the answer to a command that waited for Redis long enough.
func unavailable(ran bool, cause error) error {
	what := actor.ErrNotSent
	if ran {
		what = actor.ErrOutcomeUnknown
	}
	return fmt.Errorf("%w (%w): %w", actor.ErrUnavailable, what, cause)
}

// unknown is the answer to a command that may have run and cannot be repeated.
func unknown(cause error) error {
	return fmt.Errorf("%w: %w", actor.ErrOutcomeUnknown, cause)
}
