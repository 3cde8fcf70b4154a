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
// Scripts check before they write, so nothing ran: it wraps ErrNotSent.
type RefusedError struct{ Message string }

func (e *RefusedError) Error() string { return "redis refused: " + e.Message }

// Unwrap makes errors.Is(err, ErrNotSent) true.
func (e *RefusedError) Unwrap() error { return actor.ErrNotSent }

// Refusals that pass by themselves: Redis is starting, failing over, or busy, or a cluster moves the slot to another node.
var passing = []string{"MOVED", "ASK", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"}

// Before version 7 Redis wraps the error of a command inside of a script.
const wrapped = "ERR Error running script"

func passes(refusal string) bool {
	for _, p := range passing {
		if strings.HasPrefix(refusal, p) || strings.HasPrefix(refusal, wrapped) && strings.Contains(refusal, ": -"+p+" ") {
			return true
		}
	}
	return false
}

// refused is the answer to a command that Redis refused. If an earlier attempt may
// have run, the refusal of this one does not prove that nothing did.
func refused(ran bool, refusal string) error {
	err := &RefusedError{refusal}
	if ran {
		return unknown(errors.New(err.Error()))
	}
	return err
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
