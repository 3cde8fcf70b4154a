package audit

import "github.com/thoonk-go/thoonk/internal/chaos/ledger"

// Streams audits goroutines that do not wait for their calls, but flush them: callbacks come in the order in which the calls
// were made, and before the flush behind them is back.
func Streams(v *Verdict, h *ledger.History) {
	flushes := map[string]bool{}
	for _, c := range h.Calls {
		flushes[writer(c)] = flushes[writer(c)] || c.Do == "flush"
	}
	open := map[string][]*ledger.Call{} // since the last flush
	last := map[string]*ledger.Call{}   // that was acknowledged
	for _, c := range h.Calls {         // of each goroutine in the order in which they began
		w := writer(c)
		switch {
		case !flushes[w]:
		case c.Do != "flush":
			open[w] = append(open[w], c)
			if c.Outcome == ledger.OK {
				v.Check(last[w] == nil || last[w].End <= c.End, "stream: callbacks come in order", "%v before %v", c, last[w])
				last[w] = c
			}
		case c.Ended() && c.End < c.Until:
			for _, call := range open[w] {
				v.Check(call.Ended() && call.End <= c.End, "stream: a flush waits for all before it", "%v, back before %v", c, call)
			}
			open[w] = nil
		}
	}
}
