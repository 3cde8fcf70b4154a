package contract

import (
	"errors"
	"fmt"
	"strings"
)

// Limits that users meet.
const (
	MaxName        = 512      // bytes of a name
	MaxID          = 512      // bytes of an id
	DefaultMaxItem = 64 << 20 // bytes of an item
)

// Sentinels for arguments that the contract does not allow.
var (
	ErrInvalidName  = errors.New("invalid name")
	ErrInvalidID    = errors.New("invalid id")
	ErrItemTooLarge = errors.New("item too large")
)

// Sentinels for names whose state does not fit the call.
var (
	ErrNoSuchName = errors.New("no such name")
	ErrWrongType  = errors.New("wrong type")
)

// CheckName reports why a name cannot be used (contract 1).
func CheckName(name string) error { return check(name, "name", MaxName, ErrInvalidName) }

// CheckID reports why an id cannot be used (contract 1).
func CheckID(id string) error { return check(id, "id", MaxID, ErrInvalidID) }

func check(s, what string, limit int, sentinel error) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: the %s is empty", sentinel, what)
	case len(s) > limit:
		return fmt.Errorf("%w: the %s has %d bytes, the limit is %d", sentinel, what, len(s), limit)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%w: the %s contains a NUL byte", sentinel, what)
	}
	return nil
}

// CheckItem reports why an item cannot be stored.
func CheckItem(item []byte, limit int) error {
	if len(item) > limit {
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrItemTooLarge, len(item), limit)
	}
	return nil
}
