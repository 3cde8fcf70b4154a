package audit

import (
	"github.com/anishathalye/porcupine"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// FeedModel is one item of a feed that many write to; the empty text stands for none. A write whose reply was lost is
// repeated, so it may take effect a second time while its call lasts, as the documentation says; and a retraction that
// was repeated cannot tell whether it removed the item or found it gone.
var FeedModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{""} },
	Step: func(state, input, _ any) []any {
		s, op := state.(string), input.(step)
		switch op.do {
		case "write":
			return []any{op.value}
		case "maybe write":
			return []any{s, op.value}
		case "read":
			if s == op.value {
				return []any{s}
			}
		}
		return nil
	},
}).ToModel()

// FeedOperations are what a call does to FeedModel.
func FeedOperations(c *ledger.Call) []porcupine.Operation {
	end, certainly, perhaps := happened(c)
	s := step{do: "write"}
	switch {
	case c.Do == "publish":
		s.value = c.Bodies[0]
	case c.Do == "retract" && c.Outcome == "not found":
		return []porcupine.Operation{operation(c, end, step{do: "read"})}
	case c.Do == "retract":
	case c.Do == "read" && c.Outcome == ledger.OK:
		return []porcupine.Operation{operation(c, end, step{do: "read", value: c.Bodies[0]})}
	case c.Do == "read" && c.Outcome == "not found":
		return []porcupine.Operation{operation(c, end, step{do: "read"})}
	default:
		return nil
	}
	again := s
	again.do = "maybe write"
	switch {
	case certainly:
		return []porcupine.Operation{operation(c, end, s), operation(c, end, again)}
	case perhaps:
		return []porcupine.Operation{operation(c, later, again), operation(c, later, again)}
	}
	return nil
}
