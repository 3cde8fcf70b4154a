// Package docs_test keeps the documentation true where a test can.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/engine"
)

const root = ".."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

// files returns the paths, from the root, of all files with that ending.
func files(t *testing.T, ending string) (paths []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ending) {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

// The Go code in README.md is that of the examples, which run.
func TestReadmeCode(t *testing.T) {
	t.Parallel()
	source := read(t, "example_test.go")
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "example_test.go", source, 0)
	require.NoError(t, err)
	var bodies []string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Example") {
			body := source[fset.Position(f.Body.Lbrace).Offset+1 : fset.Position(f.Body.Rbrace).Offset]
			bodies = append(bodies, strings.ReplaceAll(body, "\n\t", "\n"))
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	require.NotEmpty(t, blocks)
	for _, b := range blocks {
		there := slices.ContainsFunc(bodies, func(body string) bool { return strings.Contains(body, "\n"+b[1]) })
		require.True(t, there, "README.md has code that is in no example of example_test.go:\n%s", b[1])
	}
}

// Links to files and sections of this repository lead somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, doc := range files(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(read(t, doc), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, section, _ := strings.Cut(m[1], "#")
			target := doc
			if path != "" {
				target = filepath.Join(filepath.Dir(doc), path)
			}
			_, err := os.Stat(filepath.Join(root, target))
			require.NoError(t, err, "%s links to %s", doc, m[1])
			if section != "" {
				require.Contains(t, sections(read(t, target)), section, "%s links to %s", doc, m[1])
			}
		}
	}
}

// sections are the names that GitHub gives to a page's headings.
func sections(page string) (names []string) {
	dropped := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := dropped.ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// README.md mentions every field of the engine's configuration.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	for _, f := range reflect.VisibleFields(reflect.TypeFor[engine.Config]()) {
		require.True(t, strings.Contains(readme, "`"+f.Name+"`"), "README.md does not mention %s", f.Name)
	}
}

// The contract names every key, channel and configuration field, and the sections
// that the code cites exist.
func TestContract(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/CONTRACT.md")
	file, err := parser.ParseFile(token.NewFileSet(), "keys.go", read(t, "internal/contract/keys.go"), 0)
	require.NoError(t, err)
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		if v, ok := node.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				name, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				require.True(t, strings.Contains(page, "`"+strings.TrimSuffix(name, ":")), "docs/CONTRACT.md does not mention %s", name)
				n++
			}
		}
		return true
	})
	require.Greater(t, n, 30)

	cited := regexp.MustCompile(`\(contract (\d+)`)
	for _, path := range append(files(t, ".go"), files(t, ".lua")...) {
		for _, m := range cited.FindAllStringSubmatch(read(t, path), -1) {
			require.True(t, strings.Contains(page, "\n## "+m[1]+". "), "%s cites a section %s that does not exist", path, m[1])
		}
	}
}

// Tests that the documentation names are there.
func TestTestsInDocumentation(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, path := range files(t, "_test.go") {
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(read(t, path), -1) {
			there[m[1]] = true
		}
	}
	for _, doc := range files(t, ".md") {
		for _, m := range regexp.MustCompile("`(Test[A-Z]\\w*)`").FindAllStringSubmatch(read(t, doc), -1) {
			require.True(t, there[m[1]], "%s names a test that does not exist: %s", doc, m[1])
		}
	}
}
