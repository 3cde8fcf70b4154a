package audit

import (
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// line is a state of a queue: bodies, the head first, each followed by a comma; and what is held, pairs of who and what.
type line struct{ queue, held string }

// QueueModel is a queue, first in, first out. A get that did not get anything may have had an item on its way, which its
// engine puts back at the front (or gives to its next getter): it holds what is the head at some moment, and gives it back
// at a later one. With a process that was killed it may be gone.
var QueueModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{line{}} },
	Step: func(state, input, _ any) []any {
		s, op := state.(line), input.(step)
		head, tail, some := strings.Cut(s.queue, ",")
		switch op.do {
		case "put":
			return []any{line{s.queue + op.value + ",", s.held}}
		case "maybe put":
			return []any{s, line{s.queue + op.value + ",", s.held}}
		case "empty":
			if !some {
				return []any{s}
			}
		case "get":
			if some && head == op.value {
				return []any{line{tail, s.held}}
			}
		case "hold":
			if some {
				return []any{s, line{tail, s.held + op.token + "=" + head + ","}}
			}
			return []any{s}
		case "back":
			for held := range strings.SplitSeq(s.held, ",") {
				if who, body, ok := strings.Cut(held, "="); ok && who == op.token {
					return []any{line{body + "," + s.queue, strings.Replace(s.held, held+",", "", 1)}}
				}
			}
			return []any{s}
		}
		return nil
	},
}).ToModel()

// QueueOperations are what a call does to QueueModel.
func QueueOperations(c *ledger.Call) []porcupine.Operation {
	end, certainly, perhaps := happened(c)
	switch {
	case c.Do == "put" && certainly:
		return []porcupine.Operation{operation(c, end, step{do: "put", value: c.Bodies[0]})}
	case c.Do == "put" && perhaps:
		return []porcupine.Operation{operation(c, later, step{do: "maybe put", value: c.Bodies[0]})}
	case c.Do != "get":
		return nil
	case c.Outcome == ledger.OK:
		return []porcupine.Operation{operation(c, end, step{do: "get", value: c.Bodies[0]})}
	case c.Outcome == "empty":
		return []porcupine.Operation{operation(c, end, step{do: "empty"})}
	}
	token := c.Process + "#" + itoa(int(c.Call))
	ops := []porcupine.Operation{operation(c, later, step{do: "hold", token: token})}
	if c.Ended() {
		ops = append(ops, operation(c, later, step{do: "back", token: token}))
	}
	return ops
}
