//go:build linux

package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/thoonk-go/thoonk/internal/chaos/audit"
)

// TestChaos is one short run, or with -for as many long ones as fit. A failure names its seed: "make chaos SEED=…" has the
// same faults strike again.
func TestChaos(t *testing.T) {
	binary := Build(t, race, shiftedClock(t)...)
	length := 12 * time.Second
	if *lasts > 0 {
		length = long
	}
	sum, runs := audit.NewVerdict(), uint64(0)
	for began := time.Now(); runs == 0 || time.Since(began)+length < *lasts; runs++ {
		now := *seed + runs
		t.Run(fmt.Sprintf("seed %d", now), func(t *testing.T) {
			began := time.Now()
			v := Do(t, Options{
				System: system(t), Binary: binary, Seed: now, For: length, Every: 150, Pace: 6 * time.Millisecond,
				Producers: 2, Workers: 3, Without: without(now), Patience: 90 * time.Second,
			})
			sum.Add(v)
			t.Logf("seed %d, %v:\n%v", now, time.Since(began).Round(time.Second), v)
			for _, violation := range v.Violations {
				t.Errorf("seed %d: %.3000s", now, violation)
			}
		})
	}
	if runs > 1 {
		t.Logf("all %d runs:\n%v", runs, sum)
	}
}

// system starts what -topology says.
func system(t *testing.T) System {
	t.Helper()
	switch *where {
	case "cluster":
		return Cluster(t)
	case "sentinel":
		return Sentinel(t)
	case "standalone", "":
		return Standalone(t, 4)
	}
	t.Fatalf("-topology is %q; it can be standalone, cluster or sentinel", *where)
	return nil
}

// without is what a seed leaves out: some faults excuse something, so of three runs one goes without each. Where no worker is
// killed, not one item of a queue may be missing; where the server's clock does not jump, no claim may end before its time; and
// where no primary is stopped, followers are told of an item again only after a gap.
func without(seed uint64) []string {
	switch seed % 3 {
	case 0:
		return []string{serverClock, primaryStopped, minorityStopped}
	case 2:
		return []string{workerKilled}
	}
	return nil
}
