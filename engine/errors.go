package engine

import (
	"errors"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/topology"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Whether a failed call may be repeated is told by two sentinels; find them with
// errors.Is. An error that wraps neither is an answer: the call ran, found that
// it could not be done, and changed nothing.
var (
	// ErrNotSent is wrapped by every error that proves nothing ran.
	ErrNotSent = actor.ErrNotSent
	// ErrOutcomeUnknown is wrapped by every error after which the call may or may
	// not have taken effect: its reply was lost and it could not be repeated, or
	// its context ended while it was under way.
	ErrOutcomeUnknown = actor.ErrOutcomeUnknown
)

// Why a call failed. All but ErrUnavailable and ErrNotReplicated mean that nothing
// was changed.
var (
	// ErrStopped: the engine is closed. Wraps ErrNotSent.
	ErrStopped = actor.ErrStopped
	// ErrUnavailable: Redis could not be reached for as long as the call was
	// willing to wait (Config.Patience). Comes with ErrNotSent or
	// ErrOutcomeUnknown.
	ErrUnavailable = actor.ErrUnavailable
	// ErrNotReplicated: the call has run, but fewer than Config.WaitReplicas replicas
	// said in time that they have what it wrote. Wraps ErrOutcomeUnknown: whether it
	// lasts depends on whether, and to whom, there is a fail-over.
	ErrNotReplicated = wire.ErrNotReplicated
	// ErrInvalidName and ErrInvalidID: empty, with a NUL byte, or above the limit
	// that the message names. Come with ErrNotSent.
	ErrInvalidName = contract.ErrInvalidName
	ErrInvalidID   = contract.ErrInvalidID
	// ErrItemTooLarge: above Config.MaxItem. Comes with ErrNotSent.
	ErrItemTooLarge = contract.ErrItemTooLarge
	// ErrInvalidConfig: the engine's configuration, or a name's, has a problem
	// that the message names.
	ErrInvalidConfig = catalog.ErrInvalid
	// ErrNoSuchName: the name was never created, or has been deleted.
	ErrNoSuchName = contract.ErrNoSuchName
	// ErrWrongType: the name exists as something else; the message says as what.
	ErrWrongType = contract.ErrWrongType
	// ErrExists: the name exists already (Create).
	ErrExists = errors.New("the name exists")
	// ErrUnsupported: the Redis server is older than 6.2.
	ErrUnsupported = topology.ErrUnsupported
)

// A RefusedError is an error that Redis answered to a call: out of memory, not
// permitted, a key that holds another type of value. Nothing ran; it wraps
// ErrNotSent. If the user may run scripts, but not all of the commands in them, a
// part may have run: then it wraps ErrOutcomeUnknown. Find it with errors.As.
type RefusedError = wire.RefusedError
