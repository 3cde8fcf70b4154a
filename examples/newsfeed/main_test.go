package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func TestRun(t *testing.T) {
	t.Parallel()
	for what, url := range map[string]string{"embedded": "", "shared": redistest.Shared(t).URL()} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			require.NoError(t, run(t.Context(), &out, url, redistest.Name(t)))
			require.Contains(t, out.String(), "on the shelf:\n  1-1 at half-time\n  The council has met\n  Good night\n")
		})
	}
}
