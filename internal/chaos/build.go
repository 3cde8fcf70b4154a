//go:build linux

package chaos

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An Edit replaces a part of a source file of this module or of the standard library, for one build.
type Edit struct{ File, Old, New string }

// shiftedClock has time.Now tell another time of day, by time.Jump seconds. Nothing less does: Go programs ask the kernel
// without the C library, and of the clocks a time namespace shifts the monotonic ones only. Timers and everything else that
// goes by the monotonic clock are as they were, as when somebody sets a machine's clock.
func shiftedClock(t testing.TB) []Edit {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	file := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	return []Edit{
		{file, "\t\"math/bits\"\n", "\t\"math/bits\"\n\t\"sync/atomic\"\n"},
		{file, "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n", "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tsec += Jump.Load()\n"},
		{file, "\nfunc unixTime(", "\nvar Jump atomic.Int64\n\nfunc unixTime("},
	}
}

// worker is the package of the process under test.
const worker = "github.com/thoonk-go/thoonk/internal/chaos/chaosworker"

// Build builds the process under test, with the given changes to the code: the files themselves stay as they are, the
// compiler is told to read others in their place.
func Build(t testing.TB, race bool, edits ...Edit) (path string) {
	t.Helper()
	return build(t, race, edits, worker)
}

func build(t testing.TB, race bool, edits []Edit, program string) (path string) {
	t.Helper()
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, e := range edits {
		file := e.File
		if !filepath.IsAbs(file) {
			file = filepath.Join(moduleRoot(t), file)
		}
		from := file
		if edited, ok := overlay.Replace[file]; ok {
			from = edited
		}
		source, err := os.ReadFile(from)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(source), e.Old), "%s has changed: the edit no longer fits: %q", e.File, e.Old)
		to := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(file, "/"), "/", "_"))
		require.NoError(t, os.WriteFile(to, []byte(strings.Replace(string(source), e.Old, e.New, 1)), 0o600))
		overlay.Replace[file] = to
	}
	list := filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(overlay)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(list, b, 0o600))
	path = filepath.Join(dir, "chaosworker")
	args := []string{"build", "-overlay", list, "-o", path}
	if slices.ContainsFunc(edits, func(e Edit) bool { return strings.Contains(e.New, "Jump") }) {
		args = append(args, "-tags", "chaosclock")
	}
	if race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, program)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/thoonk-go/thoonk").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
