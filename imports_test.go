package thoonk_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/thoonk-go/thoonk"

// imports returns what each package of the module imports, directly or not,
// without tests. Packages of ours are named by their folder, as "./engine".
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Deps}} {{.}}{{end}}`, "./...").Output()
	require.NoError(t, err)
	deps := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		var names []string
		for _, p := range strings.Fields(line) {
			names = append(names, strings.Replace(p, module, ".", 1))
		}
		deps[names[0]] = names[1:]
	}
	require.NotEmpty(t, deps["./engine"])
	return deps
}

// below reports whether p is a package of that name or below it. A name without a
// dot is a folder of ours.
func below(name, p string) bool {
	if !strings.Contains(name, ".") {
		name = "./" + name
	}
	return p == name || strings.HasPrefix(p, name+"/")
}

// foreign reports whether a package is neither ours nor of the standard library.
func foreign(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return first != "." && strings.Contains(first, ".") && first != "vendor"
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	// Who must not import what. A folder stands for itself and all below it.
	rules := []struct {
		who string
		not []string
	}{
		{"actors", []string{"engine", "embedded", "cmd", "examples", "internal/redistest", "internal/redisserver"}},
		{"pool", []string{"actors", "engine", "internal", "pubsubhub", "embedded", "github.com/mediocregopher"}},
		{"pubsubhub", []string{"actors", "engine", "internal", "pool", "embedded"}},
		{"internal/actor", []string{"actors", "engine", "internal/wire", "internal/contract", "internal/host", "pubsubhub"}},
		{"internal/contract", []string{"actors", "engine", "internal/wire", "internal/actor", "pubsubhub", "github.com/mediocregopher"}},
		{"internal/wire", []string{"actors", "engine", "internal/host", "pubsubhub"}},
		{"internal/topology", []string{"actors", "engine", "internal/host", "pubsubhub", "internal/wakeup"}},
		{"internal/catalog", []string{"actors", "engine"}},
		{"internal/host", []string{"actors", "engine"}},
		{"engine", []string{"embedded", "internal/redistest", "internal/redisserver", "cmd", "examples"}},
		{"embedded", []string{"actors", "engine", "internal"}},
		{"internal/redisserver", []string{"testing", "actors", "engine"}},
	}
	deps := imports(t)
	for _, r := range rules {
		for p, list := range deps {
			if !below(r.who, p) {
				continue
			}
			for _, d := range list {
				if d == p {
					continue
				}
				for _, not := range r.not {
					assert.False(t, below(not, d), "%s imports %s", p, d)
				}
				// Actors never import each other.
				if below("actors", p) && below("actors", d) {
					a, b := strings.Split(p, "/"), strings.Split(d, "/")
					assert.Equal(t, a[2], b[2], "%s imports %s", p, d)
				}
			}
		}
	}
	for _, d := range deps["./internal/actor"] {
		assert.False(t, foreign(d) || below("internal", d), "internal/actor imports %s, it keeps to the standard library", d)
	}
}

// What a program that embeds the engine has to build. Anything more needs a
// reason.
func TestRuntimeDependencies(t *testing.T) {
	t.Parallel()
	direct := []string{
		"github.com/mediocregopher/radix/v4", "github.com/oklog/run", "go.uber.org/zap", "github.com/google/uuid",
		// of radix and zap
		"github.com/tilinna/clock", "go.uber.org/multierr", "golang.org/x",
	}
	deps := imports(t)
	for p, list := range deps {
		if !below("engine", p) && !below("actors", p) && !below("pool", p) && !below("pubsubhub", p) {
			continue
		}
		for _, d := range list {
			if !foreign(d) {
				continue
			}
			known := slices.ContainsFunc(direct, func(k string) bool { return below(k, d) })
			assert.True(t, known, "%s imports %s", p, d)
		}
	}
	for p, list := range deps {
		mini := slices.ContainsFunc(list, func(d string) bool { return below("github.com/alicebob/miniredis/v2", d) })
		if mini {
			allowed := below("embedded", p) || slices.Contains(list, "./embedded")
			assert.True(t, allowed, "%s imports miniredis past embedded", p)
		}
	}
}
