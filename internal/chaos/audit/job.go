package audit

import (
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// Jobs audits a job set, in which some jobs may be left. finishes is its counter, and
// lease the time for which a claim that was taken by hand is exclusive. Without jumps of the server's clock, claims
// of one job can be told apart by when they began.
func Jobs(v *Verdict, h *ledger.History, name string, left map[string]bool, finishes int64, lease time.Duration, clockJumped bool) {
	puts := map[string]string{}   // by body
	ids := map[string]string{}    // by body
	runs := map[string]int{}      // by body
	begun := map[string][]run{}   // by id
	ends := map[string][]string{} // by id: tokens whose finish was accepted
	for _, n := range h.Notes {
		if n.Do == "run" && n.Name == name {
			runs[n.Bodies[0]]++
			ids[n.Bodies[0]] = n.IDs[0]
			begun[n.IDs[0]] = append(begun[n.IDs[0]], run{n.Tokens[0], n.Number})
		}
	}
	claims := map[string]*ledger.Call{} // by hand, by token
	for _, c := range h.Calls {
		if c.Name == name && c.Do == "claim" && c.Outcome == ledger.OK {
			claims[c.Tokens[0]] = c
		}
	}
	for _, c := range h.Calls {
		if c.Name != name {
			continue
		}
		if c.Outcome == "not owner" && c.Do != "stale finish" && !clockJumped {
			if claim := claims[c.Tokens[0]]; claim != nil {
				v.Check(c.End-claim.At >= int64(lease), "job: a claim is its owner's until its lease passes", "%v, after %v", c, time.Duration(c.End-claim.At))
			}
		}
		switch c.Do {
		case "put job":
			puts[c.Bodies[0]] = ledger.Unknown
			if c.Ended() {
				puts[c.Bodies[0]] = c.Outcome
			}
		case "finish":
			if c.Outcome == ledger.OK {
				ends[c.IDs[0]] = append(ends[c.IDs[0]], c.Tokens[0])
			}
		case "stale finish":
			v.Check(c.Outcome != ledger.OK, "job: a claim that has ended is refused", "%v", c)
		}
	}
	total := 0
	for body, outcome := range puts {
		n := runs[body]
		if n > 0 && !left[body] {
			total++
		}
		switch outcome {
		case ledger.OK:
			v.Check(n > 0 || left[body], "job: an acknowledged job runs", "%s never did", body)
		case ledger.NotSent:
			v.Check(n == 0 && !left[body], "job: what was not sent is not there", "%s is", body)
		}
	}
	for body := range runs {
		_, was := puts[body]
		v.Check(was, "job: only what was put runs", "%s", body)
	}
	v.Check(int64(total) == finishes, "job: each job is finished once", "%d jobs have ended, there were %d finishes", total, finishes)
	for id, tokens := range ends {
		v.Check(len(tokens) == 1, "job: one finish is accepted", "%s: of %v", id, tokens)
		if !clockJumped {
			last := slices.MaxFunc(begun[id], func(a, b run) int { return int(a.at - b.at) })
			mine := slices.IndexFunc(begun[id], func(r run) bool { return r.token == tokens[0] })
			v.Check(begun[id][mine].at == last.at, "job: a finished job does not run again", "%s: finished by %s, claims %v", id, tokens[0], begun[id])
		}
	}
	for _, c := range h.Calls {
		if c.Name != name || c.Do != "wait" || c.Outcome != ledger.OK || c.Tokens[0] == "" {
			continue
		}
		id := slices.IndexFunc(begun[ids[c.Bodies[0]]], func(r run) bool { return r.token == c.Tokens[0] })
		v.Check(id >= 0, "job: a result is that of a claim", "%v", c)
	}
	v.Remark("jobs ended", total)
	v.Remark("job runs", Total(runs))
}

type run struct {
	token string
	at    int64 // when it was claimed, in ms on the server's clock
}
