package job_test

import (
	"flag"
	"os"
	"testing"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) {
	if work := os.Getenv(workerEnv); work != "" {
		os.Exit(workerProcess(work))
	}
	_ = flag.Set("test.parallel", "6") // most tests wait for leases to pass
	redistest.Main(m)
}
