package audit

import (
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// Queue audits a queue, in which some items may be left.
//
// taken is what the engines of killed processes had taken last, which Redis still knows (contract 7): of these items, and of
// those that a call had in its hands when its process was killed, nobody can say whether they were handled.
func Queue(v *Verdict, h *ledger.History, name string, lives map[string]Life, left, taken map[string]bool) {
	puts, got := map[string]string{}, map[string]int{}
	room := 0 // items in the hands of calls that were killed
	for _, c := range h.Calls {
		switch {
		case c.Name != name:
		case c.Do == "put":
			for i, body := range c.Bodies {
				puts[body] = ledger.Unknown // as long as nothing else is known
				switch {
				case len(c.Outcomes) > i:
					puts[body] = c.Outcomes[i]
				case c.Ended():
					puts[body] = c.Outcome
				}
			}
		case c.Do == "get" && !c.Ended() && lives[c.Process].Killed:
			room += int(c.Number)
		case c.Do == "get":
			for _, body := range c.Bodies {
				got[body]++
			}
		}
	}
	var lost []string
	for body, outcome := range puts {
		n := got[body]
		v.Check(n <= 1, "queue: an item is delivered once", "%s: %d times", body, n)
		switch outcome {
		case ledger.OK:
			if n == 0 && !left[body] {
				lost = append(lost, body)
			}
		case ledger.NotSent:
			v.Check(n == 0 && !left[body], "queue: what was not sent is not there", "%s is", body)
		}
	}
	for body := range left {
		v.Check(got[body] == 0, "queue: what was delivered is gone", "%s is there", body)
	}
	for body := range got {
		_, was := puts[body]
		v.Check(was, "queue: only what was put is delivered", "%s", body)
	}
	unexplained := lost[:0:0]
	for _, body := range lost {
		if !taken[body] {
			unexplained = append(unexplained, body)
		}
	}
	v.Check(len(unexplained) <= room, "queue: an acknowledged item is delivered",
		"%d are lost, calls that were killed could have had %d: %.20q", len(unexplained), room, unexplained)
	v.Remark("queue items acknowledged", count(puts, ledger.OK))
	v.Remark("queue items delivered", len(got))
	v.Remark("queue items lost with killed processes", len(lost))
}

func count(m map[string]string, outcome string) (n int) {
	for _, o := range m {
		if o == outcome {
			n++
		}
	}
	return n
}
