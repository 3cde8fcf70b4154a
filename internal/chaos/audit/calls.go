package audit

import (
	"cmp"
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// A Life is what the driver knows of a process.
type Life struct {
	Killed bool
	Pauses [][2]int64 // when it was stopped, and when it went on
}

// Grace is how late a call may be back after its context's end, on a machine that has more to do than this.
const Grace = 3 * time.Second

// Calls audits what holds for all calls: each came back, in time, with an outcome that says something.
func Calls(v *Verdict, h *ledger.History, lives map[string]Life) {
	stalls := map[string][][2]int64{}
	for _, n := range h.Notes {
		v.Check(n.Outcome != ledger.Strange, "errors say what happened", "%v", n)
		if n.Do == "stalled" {
			stalls[n.Process] = append(stalls[n.Process], [2]int64{n.At - n.Number, n.At})
			v.count(v.Remarks, "times a process came to run late", 1)
		}
	}
	for _, c := range h.Calls {
		v.count(v.Operations, c.Do, 1)
		if !c.Ended() {
			v.count(v.Outcomes, "killed meanwhile", 1)
			v.Check(lives[c.Process].Killed, "every call comes back", "%v", c)
			continue
		}
		v.count(v.Outcomes, c.Outcome, 1)
		v.Check(c.Outcome != ledger.Strange, "errors say what happened", "%v", c)
		if c.Until != 0 {
			// A process that is stopped between the making of a context and this note begins the call late.
			end := max(c.Until, c.At)
			late := time.Duration(c.End - end - during(slices.Concat(lives[c.Process].Pauses, stalls[c.Process]), c))
			v.Check(late < Grace, "calls end with their context", "%v late, begun %v before the end: %v", late, time.Duration(c.Until-c.At), c)
		}
	}
}

// during is how much of some stretches of time, which may overlap, is in that of a call.
func during(stretches [][2]int64, c *ledger.Call) (total int64) {
	slices.SortFunc(stretches, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	from := c.At
	for _, s := range stretches {
		total += max(0, min(s[1], c.End)-max(s[0], from))
		from = max(from, s[1])
	}
	return total
}
