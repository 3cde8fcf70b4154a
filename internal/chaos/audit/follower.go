package audit

import (
	"slices"
	"strconv"
	"strings"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

func itoa(n int) string { return strconv.Itoa(n) }

// gap is what a reader writes in the place of messages that it was told to have missed.
const gap = "gap "

// Readers audits what followers saw of a feed in which items are published and nothing else happens: what they saw and what
// they were told to have missed is what was published. Of each goroutine's items, which have an order, those between two
// that were seen were seen, or a gap was told in between.
//
// What is told once depends on excuse, for Redis tells of an item before a replica has it. Where slots were moved, messages of
// the old and the new node may have passed each other, or not, in the moment before the followers were told of a gap.
func Readers(v *Verdict, h *ledger.History, name string, excuse Excuse, moved bool) {
	published := map[string][]*ledger.Call{} // acknowledged, by writer
	place := map[string]int{}                // index in published
	outcome := map[string]string{}
	unsure := 0
	for _, c := range h.Calls {
		if c.Name != name || c.Do != "publish" {
			continue
		}
		body := c.Bodies[0]
		switch {
		case c.Outcome == ledger.OK:
			w := writer(c)
			place[body] = len(published[w])
			published[w] = append(published[w], c)
			outcome[body] = ledger.OK
		case c.Outcome == ledger.NotSent:
			outcome[body] = ledger.NotSent
		default:
			outcome[body] = ledger.Unknown
			unsure++
		}
	}
	seen := map[string][]string{} // by process, and by stretch of following
	for _, n := range h.Notes {
		if n.Name != name {
			continue
		}
		if n.Do == "follows" {
			seen[n.Process] = []string{}
		}
		if n.Do == "saw" {
			seen[n.Process] = append(seen[n.Process], n.Bodies...)
		}
	}
	for p, events := range seen {
		readers(v, p, events, published, place, outcome, excuse, moved)
	}
	v.Remark("publishes with an unknown outcome", unsure)
}

// An Excuse is why a follower may be told of an item again.
type Excuse int

// The excuses, each with those before.
const (
	None Excuse = iota
	// Replaced: a replica took over that did not have it, and the publish was repeated. Followers are told in between that they
	// may have missed something.
	Replaced
	// Continued: a primary was stopped, replaced, and went on with what it had received, before it learned that it is none.
	Continued
)

// soon reports whether a gap without a number is told a second or two later: of as many items as are published in that time.
func soon(events []string) bool {
	const items = 300
	return slices.Contains(events[:min(items, len(events))], gap+"0")
}

func readers(v *Verdict, p string, events []string, published map[string][]*ledger.Call, place map[string]int, outcome map[string]string, excuse Excuse, moved bool) {
	next := map[string]int{} // by writer: the index after the last that was seen
	began := map[string]bool{}
	gaps, told := 0, int64(0) // since the stretch began in which nothing is certain
	certain := true           // every gap so far had a number
	missing := int64(0)
	since := map[string]int{} // by writer: gaps when its last item was seen
	times := map[string]int{}
	links := 0                 // gaps without a number: connections to Redis that were replaced
	seenOn := map[string]int{} // by item: links when it was last seen
	for i, e := range events {
		if n, ok := strings.CutPrefix(e, gap); ok {
			gaps++
			k, _ := strconv.ParseInt(n, 10, 64)
			told += k
			certain = certain && k > 0
			if k == 0 {
				links++
			}
			continue
		}
		if strings.HasPrefix(e, "fence.") {
			continue
		}
		times[e]++
		again := times[e] > 1 && (excuse == Continued || excuse == Replaced && links > seenOn[e])
		seenOn[e] = links
		if again {
			v.Remark("items told again", 1)
		}
		v.Check(times[e] == 1 || again, "follower: an item is told once", "%s saw %s %d times: %q", p, e, times[e], events[max(0, i-30):i+1])
		v.Check(outcome[e] != "" && outcome[e] != ledger.NotSent, "follower: only what was published is told", "%s saw %s, which was %s", p, e, outcome[e])
		if outcome[e] != ledger.OK {
			continue
		}
		w := e[:strings.LastIndexByte(e, '.')]
		at := place[e]
		if began[w] {
			skipped := at - next[w]
			if passed := skipped < 0 && !again || skipped > 0 && gaps == since[w]; passed && moved && soon(events[i+1:]) {
				v.Remark("items that others passed, slots moved", 1)
				next[w] = max(next[w], at+1)
				continue
			}
			v.Check(skipped >= 0 || again, "follower: one goroutine's items are told in its order", "%s saw %s after %s", p, e, published[w][next[w]-1].Bodies[0])
			v.Check(skipped <= 0 || gaps > since[w], "follower: what it missed is told", "%s saw %s and %s, and was told nothing of the %d between them: %v",
				p, published[w][next[w]-1].Bodies[0], e, skipped, published[w][max(0, at-1)])
			missing += int64(max(0, skipped))
		}
		began[w], next[w], since[w] = true, at+1, gaps
	}
	if certain {
		v.Check(missing <= told, "follower: as many as it missed are told", "%s missed %d at least, and was told of %d", p, missing, told)
	}
	v.Remark("gaps told", gaps)
	v.Remark("items told", len(times))
}
