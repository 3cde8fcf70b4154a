package contract

import (
	"fmt"
	"strings"
)

// Naming is how the names of users are written in keys, channels, messages and the set of names (contract 8).
type Naming bool

// The namings.
const (
	Plain  Naming = false
	Tagged Naming = true // in braces: in a cluster all keys of a name have to be in one slot
)

// Wire is the name as peers see it.
func (n Naming) Wire(name string) string {
	if n == Tagged {
		return "{" + name + "}"
	}
	return name
}

// Name is the user's name for what is on the wire. False: it is none, in a cluster peers may have made such a name.
func (n Naming) Name(wire string) (name string, ok bool) {
	if n == Plain {
		return wire, true
	}
	if len(wire) < 3 || wire[0] != '{' || wire[len(wire)-1] != '}' {
		return "", false
	}
	name = wire[1 : len(wire)-1]
	return name, !strings.ContainsAny(name, "{}")
}

// Check reports why a name cannot be used (contract 1, 8).
func (n Naming) Check(name string) error {
	if n == Tagged && strings.ContainsAny(name, "{}") {
		return fmt.Errorf("%w: the name contains a brace, which a cluster needs for itself", ErrInvalidName)
	}
	return CheckName(name)
}
