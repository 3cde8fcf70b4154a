package audit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// Histories checks the calls on each short-lived name for linearizability: whether there is an order, in which each call
// takes effect at one moment between its beginning and its end, that explains all answers. What a call did that never came
// back, or with an unknown outcome, may take effect at any later moment, or not at all.
func Histories(v *Verdict, h *ledger.History, prefix string, model porcupine.Model, convert func(*ledger.Call) []porcupine.Operation) {
	byName := map[string][]*ledger.Call{}
	for _, c := range h.Calls {
		if strings.HasPrefix(c.Name, prefix+".") {
			byName[c.Name] = append(byName[c.Name], c)
		}
	}
	names := make(chan string, len(byName))
	for name := range byName {
		names <- name
	}
	close(names)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for name := range names {
				checkHistory(v, prefix, model, byName[name], convert)
			}
		})
	}
	all.Wait()
}

func checkHistory(v *Verdict, prefix string, model porcupine.Model, calls []*ledger.Call, convert func(*ledger.Call) []porcupine.Operation) {
	var ops []porcupine.Operation
	for _, c := range calls {
		ops = append(ops, convert(c)...)
	}
	for i := range ops {
		ops[i].ClientId = i // what may take effect later overlaps with its caller's next calls
	}
	switch porcupine.CheckOperationsTimeout(model, ops, 2*time.Second) {
	case porcupine.Unknown:
		v.Remark(prefix+": histories that were too hard to check", 1)
	case porcupine.Illegal:
		v.Check(false, prefix+" is linearizable", "%s", story(calls))
	default:
		v.Check(true, prefix+" is linearizable", "")
	}
	v.Remark(prefix+": operations in histories", len(ops))
}

// story lists calls in the order in which they began, times in µs.
func story(calls []*ledger.Call) string {
	slices.SortFunc(calls, func(a, b *ledger.Call) int { return cmp.Compare(a.At, b.At) })
	var b strings.Builder
	for _, c := range calls {
		end := "         -"
		if c.Ended() {
			end = fmt.Sprintf("%10d", (c.End-calls[0].At)/1000)
		}
		fmt.Fprintf(&b, "\n%10d %s %v %v", (c.At-calls[0].At)/1000, end, c, c.Tokens)
	}
	return b.String()
}

// later stands for the end of what may yet take effect.
const later = math.MaxInt64

func operation(c *ledger.Call, end int64, in step) porcupine.Operation {
	return porcupine.Operation{Input: in, Call: c.At, Output: nil, Return: end}
}

// step is what an operation does to a model, with what it answered.
type step struct {
	do       string
	value    string // what is put, or came back
	token    string
	from, to int64 // when the call began and ended
}

// happened is the end of an operation that certainly took effect, and whether it did.
func happened(c *ledger.Call) (end int64, certainly, perhaps bool) {
	switch {
	case !c.Ended(), c.Outcome == ledger.Unknown, c.Outcome == "left":
		return later, false, true
	case c.Outcome == ledger.NotSent:
		return 0, false, false
	}
	return c.End, true, false
}
