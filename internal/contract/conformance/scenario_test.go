package conformance

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/*.txt
var testdata embed.FS

// A scenario is a list of steps, and the keys in the end.
type scenario struct {
	kind, name, suffix string // the file; the suffix is one for the name on the wire
	steps              []step
	keys               outcome
	hunks              []hunk
}

// A step is an operation and what became of it.
type step struct {
	op   string
	args []string
	outcome
}

// An outcome is lines of results, messages, events or keys.
type outcome struct{ recorded, expected []string }

// A hunk is a difference and its reason.
type hunk struct {
	reason                  string
	where                   string
	onlyRecorded, onlyWants []string
}

// load reads the scenarios of all files.
func load(t testing.TB) (all []scenario) {
	t.Helper()
	files, err := testdata.ReadDir("testdata")
	require.NoError(t, err)
	for _, f := range files {
		if f.Name() == "commands.txt" {
			continue
		}
		text, err := testdata.ReadFile("testdata/" + f.Name())
		require.NoError(t, err)
		list, err := parse(strings.TrimSuffix(f.Name(), path.Ext(f.Name())), string(text))
		require.NoError(t, err)
		all = append(all, list...)
	}
	return all
}

// parse reads a file. It insists on a reason for each difference, and on a difference for each reason.
func parse(kind, text string) (list []scenario, err error) {
	var s *scenario
	var h *hunk // that lines with a sign go to
	var into *outcome
	endHunk := func() error {
		if h == nil {
			return nil
		}
		defer func() { h = nil }()
		if len(h.onlyRecorded)+len(h.onlyWants) == 0 {
			return fmt.Errorf("%s: a reason without a difference: %s", h.where, h.reason)
		}
		if slices.Equal(h.onlyRecorded, h.onlyWants) {
			return fmt.Errorf("%s: the lines of the difference are equal", h.where)
		}
		s.hunks = append(s.hunks, *h)
		return nil
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		where := fmt.Sprintf("testdata/%s.txt:%d", kind, n)
		line = strings.TrimSuffix(line, "\n")
		sign, rest, _ := strings.Cut(line, " ")
		if sign != "+" && sign != "-" {
			if err := endHunk(); err != nil {
				return nil, err
			}
		}
		switch sign {
		case "":
			s = nil
		case "==":
			name, suffix, _ := strings.Cut(rest, " name")
			list = append(list, scenario{kind: kind, name: name, suffix: suffix})
			s = &list[len(list)-1]
			into = &s.keys
		case "#":
			if s != nil {
				h = &hunk{reason: rest, where: where}
			}
		case ">":
			words, err := words(rest)
			if err != nil || len(words) == 0 {
				return nil, fmt.Errorf("%s: %q: %v", where, line, err)
			}
			s.steps = append(s.steps, step{op: words[0], args: words[1:]})
			into = &s.steps[len(s.steps)-1].outcome
		case "<", "!", "*", "=", "+", "-":
			if s == nil {
				return nil, fmt.Errorf("%s: outside of a scenario", where)
			}
			content := line
			if sign == "+" || sign == "-" {
				if h == nil {
					return nil, fmt.Errorf("%s: a difference without a reason", where)
				}
				content = rest
			}
			if strings.HasPrefix(content, "=") {
				into = &s.keys
			}
			if sign == "-" {
				h.onlyRecorded = append(h.onlyRecorded, content)
			} else {
				into.expected = append(into.expected, content)
			}
			if sign == "+" {
				h.onlyWants = append(h.onlyWants, content)
			} else {
				into.recorded = append(into.recorded, content)
			}
		default:
			return nil, fmt.Errorf("%s: what is %q?", where, line)
		}
	}
	return list, endHunk()
}

// words splits a line at its spaces, and unquotes.
func words(line string) (list []string, err error) {
	for line != "" {
		var w string
		if strings.HasPrefix(line, `"`) {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, err
			}
			line = strings.TrimPrefix(line[len(quoted):], " ")
			if w, err = strconv.Unquote(quoted); err != nil {
				return nil, err
			}
		} else {
			w, line, _ = strings.Cut(line, " ")
		}
		list = append(list, w)
	}
	return list, nil
}

// line is the opposite: a sign and words.
func line(sign string, list ...string) string {
	for _, w := range list {
		if w == "" || w == "-" || w[0] == '#' || strings.ContainsAny(w, " \t\n\x00\"\\") {
			sign += ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\x00", `\x00`, "\n", `\n`, "\t", `\t`).Replace(w) + `"`
		} else {
			sign += " " + w
		}
	}
	return sign
}
