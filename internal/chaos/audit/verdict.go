// Package audit holds what processes were told against what is there: every promise that the engine makes about its types is
// an invariant over the ledgers and what Redis has in the end.
package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Verdict counts what was done and checked, and has what was wrong. Its methods may be called from several goroutines.
type Verdict struct {
	mu         sync.Mutex
	Faults     map[string]int
	Operations map[string]int // calls by what they did
	Outcomes   map[string]int // calls by how they ended
	Checks     map[string]int // by invariant
	Remarks    map[string]int // what is worth knowing, and not wrong
	Violations []string
}

// NewVerdict returns an empty verdict.
func NewVerdict() *Verdict {
	return &Verdict{Faults: map[string]int{}, Operations: map[string]int{}, Outcomes: map[string]int{}, Checks: map[string]int{}, Remarks: map[string]int{}}
}

// Fault counts a fault.
func (v *Verdict) Fault(name string) { v.count(v.Faults, name, 1) }

// Remark counts something.
func (v *Verdict) Remark(what string, n int) { v.count(v.Remarks, what, n) }

func (v *Verdict) count(in map[string]int, what string, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	in[what] += n
}

// Check notes a violation unless it holds.
func (v *Verdict) Check(holds bool, invariant, format string, args ...any) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Checks[invariant]++
	if !holds {
		v.Violations = append(v.Violations, invariant+": "+fmt.Sprintf(format, args...))
	}
	return holds
}

// Violated reports whether an invariant whose name begins so was found not to hold.
func (v *Verdict) Violated(invariant string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.Violations, func(s string) bool { return strings.HasPrefix(s, invariant) })
}

// Add adds another verdict's numbers.
func (v *Verdict) Add(o *Verdict) {
	for _, m := range []struct{ to, from map[string]int }{
		{v.Faults, o.Faults}, {v.Operations, o.Operations}, {v.Outcomes, o.Outcomes}, {v.Checks, o.Checks}, {v.Remarks, o.Remarks},
	} {
		for k, n := range m.from {
			v.count(m.to, k, n)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Violations = append(v.Violations, o.Violations...)
}

// Total sums a count.
func Total(m map[string]int) (sum int) {
	for _, n := range m {
		sum += n
	}
	return sum
}

// String lists everything; of the violations the first ones.
func (v *Verdict) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var b strings.Builder
	for _, part := range []struct {
		what string
		m    map[string]int
	}{{"faults", v.Faults}, {"operations", v.Operations}, {"outcomes", v.Outcomes}, {"audits", v.Checks}, {"remarks", v.Remarks}} {
		fmt.Fprintf(&b, "%d %s:", Total(part.m), part.what)
		for i, k := range slices.Sorted(maps.Keys(part.m)) {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s %d", k, part.m[k])
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%d violations", len(v.Violations))
	const most = 20
	for _, s := range v.Violations[:min(most, len(v.Violations))] {
		fmt.Fprintf(&b, "\n  %.1500s", s)
	}
	return b.String()
}
