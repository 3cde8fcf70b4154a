package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) {
	if !isWorker() {
		redistest.Main(m)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, target.URL(), redistest.Name(t)))
	t.Log(out.String())
	assert.Contains(t, out.String(), "worker 0 is killed\nall 60 jobs are done\n")
	assert.NotContains(t, out.String(), "had begun with them: 0")
}

func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), &strings.Builder{}, "redis://127.0.0.1:1/0", "x")
	assert.ErrorContains(t, err, "needs a redis-server")
}
