package conformance

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
)

// TestThoonkPy holds the recording against a peer that sends thoonk.py's commands.
func TestThoonkPy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s scenario) {
		w := newWorld(t, s.suffix)
		compare(t, s, w, newByPeer(w, w.raw.DoErr, peer.ThoonkPy), func(o outcome) []string { return o.recorded })
	})
}

// TestContract holds the expectations against a peer that keeps the contract: a second reading of it. It has no
// subscriptions.
func TestContract(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s scenario) {
		if s.kind == "subscribe" {
			s.steps = slices.DeleteFunc(s.steps, func(st step) bool { return st.op == "subscribe" || st.op == "listener_alive" })
		}
		w := newWorld(t, s.suffix)
		compare(t, s, w, newByPeer(w, w.raw.DoErr, peer.Contract), func(o outcome) []string { return withoutEvents(o.expected) })
	})
}

// TestEngine holds the expectations against the engine.
func TestEngine(t *testing.T) {
	t.Parallel()
	eng := openEngine(t, engine.Config{CheckEvery: 250 * time.Millisecond})
	t.Run("scenarios", func(t *testing.T) {
		each(t, func(t *testing.T, s scenario) {
			w := newWorld(t, s.suffix)
			compare(t, s, w, newByEngine(w, eng), func(o outcome) []string { return o.expected })
		})
	})
}

func each(t *testing.T, run func(t *testing.T, s scenario)) {
	all := load(t)
	require.Len(t, all, 124)
	for _, s := range all {
		t.Run(s.kind+"/"+s.name, func(t *testing.T) {
			t.Parallel()
			run(t, s)
		})
	}
}

// compare runs a scenario and holds each step and the keys against what they must be.
func compare(t *testing.T, s scenario, w *world, sys system, must func(outcome) []string) {
	t.Helper()
	for i := range s.steps {
		s.steps[i].args = slices.Clone(s.steps[i].args)
	}
	steps, keys := w.run(s, sys)
	var want, got []string
	for i, st := range s.steps {
		title := fmt.Sprintf("> step %d: %s", i+1, st.op)
		want = append(append(want, title), must(st.outcome)...)
		got = append(append(got, title), steps[i]...)
	}
	want = append(want, must(s.keys)...)
	got = append(got, keys...)
	assert.Equal(t, strings.Join(want, "\n"), strings.Join(got, "\n"))
}

func withoutEvents(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "*") })
}

// TestDifferences prints the reasons for which the engine differs from thoonk.py (go test -v), and how often each holds.
// That there is none without a reason is the reader's work.
func TestDifferences(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	scenarios := map[string]bool{}
	for _, s := range load(t) {
		for _, h := range s.hunks {
			count[h.reason]++
			scenarios[s.kind+"/"+s.name] = true
		}
	}
	require.NotEmpty(t, count)
	reasons := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), strings.Compare(a, b))
	})
	for _, r := range reasons {
		t.Logf("%3d × %s", count[r], r)
		assert.Regexp(t, `^contract \d`, r, "a reason begins with the section of docs/CONTRACT.md")
	}
	t.Logf("%d reasons, %d of 124 scenarios differ", len(reasons), len(scenarios))
}

// TestReasons: the reader refuses differences without a reason, and reasons without a difference.
func TestReasons(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		"== a\n> x\n- < 1\n":                      "without a reason",
		"== a\n> x\n+ < 1\n":                      "without a reason",
		"== a\n> x\n# because\n< 1\n":             "without a difference",
		"== a\n> x\n# because\n":                  "without a difference",
		"== a\n> x\n# because\n- < 1\n+ < 1\n":    "are equal",
		"== a\n> x\n# because\n- < 1\n< 2\n+ ! 3": "without a reason",
		"< 1\n":                    "outside",
		"== a\n> x\n# b\n- < 1\n":  "",
		"== a\n> x\n? < 1\n":       "what is",
		"== a\n> x\n# b\n+ = k v":  "",
		"== a\n> \"x\n":            "invalid",
		"== a\n> x\n# b\n\n== b\n": "without a difference",
	} {
		_, err := parse("file", text)
		if problem == "" {
			assert.NoError(t, err, "%q", text)
		} else {
			assert.ErrorContains(t, err, problem, "%q", text)
		}
	}
}
