package audit

import (
	"strings"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// Board audits a sorted feed with several writers, each of which touches its own items only: of each item the last write
// that was acknowledged is there, unless a later one has an unknown outcome.
func Board(v *Verdict, h *ledger.History, name string, items []Item) {
	present := map[string]string{}
	for _, it := range items {
		_, twice := present[it.ID]
		v.Check(!twice, "board: an item has one place", "%v", it)
		present[it.ID] = it.Body
	}
	bodies, unsure, notSent := map[string]string{}, map[string]bool{}, map[string]bool{}
	for _, c := range h.Calls {
		if c.Name != name {
			continue
		}
		id := first(c.IDs)
		switch {
		case c.Ended() && c.Outcome == ledger.NotSent && c.Do == "insert":
			notSent[c.Bodies[0]] = true
		case !c.Ended(), c.Outcome == ledger.Unknown:
			unsure[id] = true
		case c.Outcome != ledger.OK:
		case c.Do == "insert", c.Do == "edit":
			bodies[id] = c.Bodies[0]
		case c.Do == "retract":
			bodies[id] = ""
		}
	}
	for id, body := range bodies {
		if unsure[id] {
			continue
		}
		got, there := present[id]
		v.Check(there == (body != "") && got == body, "board: an acknowledged write is there", "%s: has %q (%v), told %q", id, got, there, body)
	}
	for _, it := range items {
		v.Check(!notSent[it.Body], "board: what was not sent is not there", "%v", it)
		v.Check(bodies[it.ID] != "" || unsure[it.ID] || unsure[""] || strings.HasPrefix(it.Body, "fence."), "board: only what was inserted is there", "%v", it)
	}
}
