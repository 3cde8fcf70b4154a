package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var header = []string{
	"scenario", "system", "callers", "size", "ops/s", "p50 µs", "p99 µs", "p99.9 µs", "redis µs/op", "cpu µs/op", "batch",
	"allocs/op", "more",
}

// texts are the columns that are not numbers.
var texts = []string{"scenario", "system", "more", "what", ""}

// rows are the table's cells: each scenario's systems, then how thoonk compares.
func rows(results []Result) [][]string {
	var out [][]string
	list := Summarize(results)
	for i, s := range list {
		scenario := s.label()
		if i > 0 && list[i-1].label() == scenario {
			scenario = ""
		}
		out = append(out, []string{
			scenario, s.System, unless(s.Note, count(float64(s.Callers))), unless(s.Note, count(float64(s.Size))),
			unless(s.Note, withRange(s.PerS, s.Rounds, count)),
			figure(s.P50, 0), figure(s.P99, 0), figure(s.P999, 0), figure(s.RedisCPU, 2), figure(s.CPU, 2), figure(s.Batch, 1), figure(s.Allocs, 1),
			cmp.Or(s.Note, more(s.Extra)),
		})
		if i+1 < len(list) && list[i+1].label() == s.label() {
			continue
		}
		for _, t := range list[:i+1] {
			if t.label() == s.label() && t.System == Thoonk {
				out = append(out, ratioRows(t)...)
			}
		}
	}
	return out
}

// label is the scenario, and what was varied.
func (s Summary) label() string {
	label := s.Scenario
	if s.Part != "" {
		label += ", " + s.Part
	}
	if s.Series != "" {
		label += ", " + s.Series + " " + count(s.At)
	}
	return label
}

func ratioRows(s Summary) [][]string {
	systems := make([]string, 0, len(s.Ratios))
	for system := range s.Ratios {
		systems = append(systems, system)
	}
	slices.SortFunc(systems, CompareSystems)
	var out [][]string
	for _, system := range systems {
		row := make([]string, len(header))
		row[1] = Thoonk + "/" + system
		row[4] = withRange(s.Ratios[system], s.Rounds, times)
		out = append(out, row)
	}
	return out
}

// WriteTable prints the results for people. Columns in which nothing stands are left out.
func WriteTable(w io.Writer, results []Result) error {
	table := trim(append([][]string{header}, rows(results)...))
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range table {
		group := n+1 < len(table) && table[n+1][0] == "" || table[n-min(n, 1)][0] == "" // of several rows
		if n > 1 && row[0] != "" && group {
			b.WriteByte('\n')
		}
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if slices.Contains(texts, table[0][i]) {
				line.WriteString(cell + gap)
			} else {
				line.WriteString(gap + cell)
			}
			line.WriteString("  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdown prints the results and how they were made, as BENCHMARKS.md has them.
func WriteMarkdown(w io.Writer, r *Report) error {
	table := trim(append([][]string{header}, rows(r.Results)...))
	var b strings.Builder
	fmt.Fprintf(&b, "`%s`\n\n", r.Env.Command)
	fmt.Fprintf(&b, "%s, %s, GOMAXPROCS %d, %s; Redis %s (%s); %s", r.Env.Go, r.Env.OS, r.Env.GOMAXPROCS, r.Env.CPU,
		r.Env.Redis, r.Env.Server, r.Env.Date)
	if r.Env.Commit != "" {
		fmt.Fprintf(&b, "; commit %s", r.Env.Commit)
	}
	b.WriteString("\n\n")
	b.WriteString(markdownTable(table))
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownTable is a table whose first row is its header.
func markdownTable(table [][]string) string {
	var b strings.Builder
	for n, row := range table {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if n == 0 {
			for _, name := range row {
				if slices.Contains(texts, name) {
					b.WriteString("|---")
				} else {
					b.WriteString("|---:")
				}
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// trim leaves out the columns that are empty in every row.
func trim(table [][]string) [][]string {
	var keep []int
	for i := range header {
		if slices.ContainsFunc(table[1:], func(row []string) bool { return row[i] != "" && row[i] != none }) || i < 5 {
			keep = append(keep, i)
		}
	}
	out := make([][]string, len(table))
	for n, row := range table {
		for _, i := range keep {
			out[n] = append(out[n], row[i])
		}
	}
	return out
}

// none stands where a figure does not apply.
const none = "–"

// unless is the cell, or none for a system that could not run.
func unless(note, cell string) string {
	if note != "" {
		return none
	}
	return cell
}

func figure(v *float64, decimals int) string {
	if v == nil {
		return none
	}
	if decimals == 0 {
		return count(*v)
	}
	return strconv.FormatFloat(*v, 'f', decimals, 64)
}

// count rounds v and sets its digits in groups of three.
func count(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func withRange(v Spread, rounds int, format func(float64) string) string {
	if rounds < 2 {
		return format(v.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", format(v.Median), format(v.Min), format(v.Max))
}

func more(extra map[string]float64) string {
	names := make([]string, 0, len(extra))
	for name := range extra {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = strings.ReplaceAll(name, "_", " ") + " " + short(extra[name])
	}
	return strings.Join(names, ", ")
}

// short is count, with decimals where they matter.
func short(v float64) string {
	if v == math.Trunc(v) || math.Abs(v) >= 100 {
		return count(v)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
