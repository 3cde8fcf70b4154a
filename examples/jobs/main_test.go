package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	require.Equal(t, `result: HELLO
announcement is stalled: no microphone
result: LOUD AND CLEAR
2 jobs, 5 runs, 3 failures
`, out.String())
}
