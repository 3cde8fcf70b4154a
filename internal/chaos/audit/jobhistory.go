package audit

import (
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// claimed is a state of one job.
type claimed struct {
	put, done bool
	holder    string
	since     int64 // when the holder's claim began, at the earliest
}

// JobModel is one job. A claim is exclusive until its lease has passed, and only its holder can finish the job. Whether a
// lease that may have passed has passed is not seen, so both are allowed then.
func JobModel(lease time.Duration) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{claimed{}} },
		Step: func(state, input, _ any) []any {
			s, op := state.(claimed), input.(step)
			lapsed := s.holder == "" || op.to-s.since >= int64(lease)
			mine := s.put && !s.done && s.holder == op.token
			finished := claimed{put: true, done: true}
			switch op.do {
			case "put":
				if !s.put {
					return []any{claimed{put: true}}
				}
			case "maybe put":
				if !s.put {
					return []any{s, claimed{put: true}}
				}
				return []any{s}
			case "claim":
				if s.put && !s.done && lapsed {
					return []any{claimed{put: true, holder: op.token, since: op.from}}
				}
			case "finish":
				if mine {
					return []any{finished}
				}
			case "maybe finish":
				if mine {
					return []any{s, finished}
				}
				return []any{s}
			case "not owner":
				if !mine {
					return []any{s}
				}
				if lapsed {
					return []any{claimed{put: true}}
				}
			}
			return nil
		},
	}
	model := m.ToModel()
	model.Partition = func(ops []porcupine.Operation) [][]porcupine.Operation {
		byID := map[string][]porcupine.Operation{}
		for _, op := range ops {
			id := op.Input.(step).value
			byID[id] = append(byID[id], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byID {
			parts = append(parts, part)
		}
		return parts
	}
	return model
}

// JobOperations are what a call does to JobModel. Claims that found nothing are no statement about one job.
func JobOperations(c *ledger.Call) []porcupine.Operation {
	end, certainly, perhaps := happened(c)
	if len(c.IDs) == 0 || !certainly && !perhaps {
		return nil
	}
	s := step{do: c.Do, value: c.IDs[0], from: c.At, to: end}
	if len(c.Tokens) > 0 {
		s.token = c.Tokens[0]
	}
	switch c.Do {
	case "put job":
		s.do = "put"
	case "claim":
	case "finish":
		if certainly && c.Outcome != ledger.OK {
			s.do = "not owner"
		}
	default:
		return nil
	}
	if perhaps {
		s.do = "maybe " + s.do
	}
	return []porcupine.Operation{operation(c, end, s)}
}
