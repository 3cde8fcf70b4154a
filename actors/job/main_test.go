package job_test

import (
	"os"
	"testing"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) {
	if work := os.Getenv(workerEnv); work != "" {
		os.Exit(workerProcess(work))
	}
	redistest.Main(m)
}
