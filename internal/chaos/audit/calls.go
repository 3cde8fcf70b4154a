package audit

import (
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
			late := time.Duration(c.End - c.Until - stopped(lives[c.Process], c))
			v.Check(late < Grace, "calls end with their context", "%v late: %v", late, c)
		}
	}
	for _, n := range h.Notes {
		v.Check(n.Outcome != ledger.Strange, "errors say what happened", "%v", n)
	}
}

// stopped is how long a process was stopped during a call.
func stopped(l Life, c *ledger.Call) (total int64) {
	for _, p := range l.Pauses {
		total += max(0, min(p[1], c.End)-max(p[0], c.At))
	}
	return total
}
