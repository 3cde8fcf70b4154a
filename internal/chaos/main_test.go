//go:build linux

package chaos

import (
	"flag"
	"testing"
	"time"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

var (
	seed  = flag.Uint64("seed", 1, "decides which faults strike, when and whom; runs after the first count on from it")
	all   = flag.Bool("all", false, "all seeded bugs and all failures to resume after, not the few that are for every day")
	where = flag.String("topology", "standalone", "what TestChaos runs on: standalone, cluster or sentinel")
	lasts = flag.Duration("for", 0, "how long TestChaos goes on, in runs of half a minute or so; defaults to one short run")
)

func TestMain(m *testing.M) {
	flag.Parse()
	redistest.Main(m)
}

// long is the length of a run in a long test: short enough that its ledgers can be read at once, and that a seed is tried
// again in no time.
const long = 25 * time.Second
