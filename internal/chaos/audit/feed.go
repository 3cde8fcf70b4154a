package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// An Item is what a feed has in the end.
type Item struct{ ID, Body string }

// fate is what must be true of an id that one goroutine alone has touched.
type fate struct {
	body    string // of the last write that was acknowledged; empty: retracted
	maybe   map[string]bool
	order   int64 // when the last acknowledged write began: one goroutine's writes are in this order
	who     string
	unsure  bool // a later call may have taken effect, or may yet
	touched bool // by an acknowledged call
}

// Feed audits an unbounded feed in which each id belongs to one goroutine.
func Feed(v *Verdict, h *ledger.History, name string, items []Item) {
	fates := map[string]*fate{}
	unknown := map[string]bool{} // bodies of publishes under ids that nobody was told
	notSent := map[string]bool{}
	for _, c := range h.Calls { // of each process in the order in which they began
		if c.Name != name || c.Do != "publish" && c.Do != "retract" {
			continue
		}
		outcome := c.Outcome
		if !c.Ended() {
			outcome = ledger.Unknown
		}
		body := ""
		if c.Do == "publish" {
			body = c.Bodies[0]
		}
		if outcome == ledger.NotSent {
			notSent[body] = body != ""
			continue
		}
		if len(c.IDs) == 0 {
			unknown[body] = true
			continue
		}
		f := fates[c.IDs[0]]
		if f == nil {
			f = &fate{maybe: map[string]bool{}}
			fates[c.IDs[0]] = f
		}
		switch outcome {
		case ledger.OK:
			f.body, f.order, f.who, f.touched = body, c.At, writer(c), true
			f.maybe, f.unsure = map[string]bool{}, false
		case "not found": // only this goroutine could have removed it
			v.Check(f.body == "" || f.unsure, "feed: what was not retracted is found", "%v", c)
		default:
			f.maybe[body], f.unsure = true, true
		}
	}
	present := map[string]string{}
	for _, it := range items {
		present[it.ID] = it.Body
	}
	for id, f := range fates {
		if !f.touched {
			continue
		}
		body, there := present[id]
		ok := there == (f.body != "") && body == f.body || f.unsure && (f.maybe[body] || !there && f.maybe[""])
		v.Check(ok, "feed: an acknowledged write is there", "%s: has %q (%v), told %q, perhaps %v", id, body, there, f.body, f.maybe)
	}
	last := map[string]int64{}
	for _, it := range items {
		v.Check(!notSent[it.Body], "feed: what was not sent is not there", "%v", it)
		f := fates[it.ID]
		if f == nil {
			v.Check(unknown[it.Body] || strings.HasPrefix(it.Body, "fence."), "feed: only what was published is there", "%v", it)
			continue
		}
		if f.unsure {
			continue
		}
		v.Check(last[f.who] < f.order, "feed: one goroutine's writes are in its order", "%v", it)
		last[f.who] = f.order
	}
	v.Remark("feed items there", len(items))
}

func writer(c *ledger.Call) string { return c.Process + "." + itoa(c.Who) }

// Ring audits a bounded feed in which everything is published and nothing edited: the newest are there.
func Ring(v *Verdict, h *ledger.History, name string, bound int, items []Item) {
	there := map[string]int{}
	for i, it := range items {
		there[it.Body] = i
	}
	known := map[string]bool{}
	acked := 0
	oldest := map[string]int64{} // of a goroutine: the first that is there
	calls := map[string][]*ledger.Call{}
	for _, c := range h.Calls {
		if c.Name != name || c.Do != "publish" {
			continue
		}
		known[c.Bodies[0]] = c.Outcome != ledger.NotSent
		if c.Outcome != ledger.OK {
			continue
		}
		acked++
		w := writer(c)
		calls[w] = append(calls[w], c)
		if _, ok := there[c.Bodies[0]]; ok && oldest[w] == 0 {
			oldest[w] = c.At
		}
	}
	v.Check(len(items) <= bound && len(items) >= min(bound, acked), "ring: it has as many items as its bound", "%d of %d", len(items), bound)
	for _, it := range items {
		v.Check(known[it.Body] || strings.HasPrefix(it.Body, "fence."), "ring: only what was published is there", "%v", it)
	}
	for w, list := range calls {
		place := -1
		for _, c := range list {
			i, ok := there[c.Bodies[0]]
			if oldest[w] != 0 && c.At >= oldest[w] {
				v.Check(ok, "ring: the oldest are evicted", "%s is there of %s, a later one is not: %v", items[max(place, 0)].Body, w, c)
			}
			if ok {
				v.Check(i > place, "ring: one goroutine's items are in its order", "%v", c)
				place = i
			}
		}
	}
	// An item after which fewer than the bound can have come is there.
	var all []*ledger.Call
	for _, c := range h.Calls {
		if c.Name == name && c.Do == "publish" && c.Outcome != ledger.NotSent {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *ledger.Call) int { return cmp.Compare(effective(b), effective(a)) }) // the last first
	for i, c := range all {
		if c.Outcome != ledger.OK {
			continue
		}
		after := i
		for after < len(all) && after < bound && effective(all[after]) >= c.At {
			after++
		}
		if after >= bound { // so it is with all that ended earlier
			break
		}
		_, ok := there[c.Bodies[0]]
		v.Check(ok, "ring: the newest are there", "%v", c)
	}
}

// effective is when a call had its effect at the latest. What was never answered may be on its way for a while, in the
// buffers of a connection that is gone.
func effective(c *ledger.Call) int64 {
	const onItsWay = int64(5 * time.Second)
	switch {
	case !c.Ended():
		return c.At + onItsWay
	case c.Outcome == ledger.Unknown:
		return c.End + onItsWay
	}
	return c.End
}

// Copies audits what followers with a snapshot had when they saw the last fence: what the feed has.
func Copies(v *Verdict, h *ledger.History, name, fence string, followers []string, items []Item) {
	copies := map[string]*ledger.Call{}
	lagged := 0
	for _, n := range h.Notes {
		if n.Name != name {
			continue
		}
		if n.Do == "lagged" {
			lagged++
		}
		if n.Do == "copy" && n.Tokens[0] == fence {
			copies[n.Process] = n
		}
	}
	for _, p := range followers {
		c := copies[p]
		if !v.Check(c != nil, "follower: it hears of everything in the end", "%s has not seen the last item", p) {
			continue
		}
		same := len(c.IDs) == len(items)
		for i := 0; same && i < len(items); i++ {
			same = c.IDs[i] == items[i].ID && c.Bodies[i] == items[i].Body
		}
		v.Check(same, "follower: its copy is the feed", "%s has %d items, there are %d: %s", p, len(c.IDs), len(items), difference(c, items))
	}
	v.Remark("snapshots begun anew", lagged)
}

func difference(c *ledger.Call, items []Item) string {
	for i := range max(len(items), len(c.IDs)) {
		switch {
		case i >= len(items):
			return "its " + c.IDs[i] + " " + c.Bodies[i] + " is not there"
		case i >= len(c.IDs):
			return "it has not " + items[i].ID + " " + items[i].Body
		case c.IDs[i] != items[i].ID || c.Bodies[i] != items[i].Body:
			return "item " + itoa(i) + " is " + items[i].ID + " " + items[i].Body + ", it has " + c.IDs[i] + " " + c.Bodies[i]
		}
	}
	return ""
}
