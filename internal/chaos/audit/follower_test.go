package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// Messages that pass each other while slots move are excused only if a gap is told soon after.
func TestReadersWhereSlotsMove(t *testing.T) {
	t.Parallel()
	many := make([]string, 300) // of another writer
	for i := range many {
		many[i] = fmt.Sprintf("q.2.%d", i)
	}
	tests := map[string]struct {
		saw   string
		moved bool
		right bool
	}{
		"in order":                 {saw: "p.1.0 p.1.1 p.1.2 p.1.3", right: true},
		"passed":                   {saw: "p.1.0 p.1.2 p.1.1 p.1.3"},
		"passed, and a gap":        {saw: "p.1.0 p.1.2 p.1.1 p.1.3 gap_0"},
		"moved, and nobody told":   {saw: "p.1.0 p.1.2 p.1.1 p.1.3", moved: true},
		"moved, and told":          {saw: "p.1.0 p.1.2 p.1.1 p.1.3 gap_0", moved: true, right: true},
		"moved, and told before":   {saw: "p.1.0 gap_0 p.1.2 p.1.1 p.1.3", moved: true},
		"moved, and full":          {saw: "p.1.0 p.1.2 p.1.1 p.1.3 gap_1", moved: true},
		"moved, and told too late": {saw: "p.1.0 p.1.2 p.1.1 " + strings.Join(many, " ") + " gap_0", moved: true},
		"moved, one is lost, told": {saw: "p.1.0 p.1.2 p.1.3 gap_0", moved: true, right: true},
		"moved, one is lost":       {saw: "p.1.0 p.1.2 p.1.3", moved: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &ledger.History{}
			for _, body := range slices.Concat([]string{"p.1.0", "p.1.1", "p.1.2", "p.1.3"}, many) {
				who := 1
				process := body[:1]
				if process == "q" {
					who = 2
				}
				h.Calls = append(h.Calls, &ledger.Call{Process: process, Record: ledger.Record{
					Do: "publish", Name: "news", Who: who, Bodies: []string{body}, Outcome: ledger.OK}})
			}
			saw := strings.Split(strings.ReplaceAll(tc.saw, "gap_", "gap+"), " ")
			for i := range saw {
				saw[i] = strings.ReplaceAll(saw[i], "gap+", gap)
			}
			h.Notes = append(h.Notes,
				&ledger.Call{Process: "w", Record: ledger.Record{Do: "follows", Name: "news"}},
				&ledger.Call{Process: "w", Record: ledger.Record{Do: "saw", Name: "news", Bodies: saw}})
			v := NewVerdict()
			Readers(v, h, "news", None, tc.moved)
			assert.Equal(t, tc.right, len(v.Violations) == 0, "%v", v.Violations)
		})
	}
}
