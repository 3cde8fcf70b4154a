package sorted

import (
	"errors"
	"fmt"
	"strings"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// ErrInvalidPosition is returned for a position where nothing can be put.
var ErrInvalidPosition = errors.New("sorted: invalid position")

// A Position is a place in the list: First, Last, Before an item or After one.
// The zero value is none of them: in events it stands for a place that is not
// known. Positions can be compared.
type Position struct {
	where where
	rel   string
}

type where string

const (
	first  where = "first"
	last   where = "last"
	before where = "before"
	after  where = "after"
)

// The ends of the list.
var (
	First = Position{where: first}
	Last  = Position{where: last}
)

// Before is the place right before the item of that id.
func Before(id string) Position { return Position{before, id} }

// After is the place right after the item of that id.
func After(id string) Position { return Position{after, id} }

// Before returns the id of the item before which the place is; false for any
// other position.
func (p Position) Before() (id string, ok bool) { return p.rel, p.where == before }

// After returns the id of the item after which the place is; false for any other
// position.
func (p Position) After() (id string, ok bool) { return p.rel, p.where == after }

// String is "first", "last", "before 7", "after 7", or "unknown".
func (p Position) String() string {
	switch p.where {
	case first, last:
		return string(p.where)
	case before, after:
		return string(p.where) + " " + p.rel
	}
	return "unknown"
}

// Two texts of the contract mean the ends, so no item of such an id can be meant.
const (
	begin = "begin"
	end   = "end"
)

func (p Position) check() error {
	switch {
	case p.where == "":
		return fmt.Errorf("%w: it is the zero value", ErrInvalidPosition)
	case p.where == before && p.rel == end, p.where == after && p.rel == begin:
		return fmt.Errorf("%w: %s: it would be read as the %s of the list", ErrInvalidPosition, p, p.rel)
	case p.where == before, p.where == after:
		return contract.CheckID(p.rel)
	}
	return nil
}

// parsePosition reads the contract's text (contract 4): "begin:", ":end", ":7" for
// before 7, "7:" for after 7. Anything else is the zero value.
func parsePosition(text string) Position {
	switch {
	case text == begin+":":
		return First
	case text == ":"+end:
		return Last
	case len(text) < 2:
		return Position{}
	}
	if id, ok := strings.CutPrefix(text, ":"); ok {
		return Before(id)
	}
	if id, ok := strings.CutSuffix(text, ":"); ok {
		return After(id)
	}
	return Position{}
}
