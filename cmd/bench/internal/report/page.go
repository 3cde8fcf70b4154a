package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"slices"
	"text/template"
)

// A Page is BENCHMARKS.md.
type Page struct {
	*Report
	Pictures []string // names, without their folder and ending
	Dir      string   // of the pictures

	// What people have written: why it is so, and the lengths of sorted feeds.
	Findings, Lengths string
}

//go:embed page.md.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Write writes the page.
func (p *Page) Write(w io.Writer) error { return pageTemplate.Execute(w, p) }

// part is the results that belong to a part, without the series.
func (p *Page) part(name string) []Result {
	return slices.DeleteFunc(slices.Clone(p.Results), func(r Result) bool { return r.Part != name || r.Series != "" })
}

// Table is the results of a part as Markdown.
func (p *Page) Table(part string) string {
	results := p.part(part)
	for i := range results {
		results[i].Part = "" // it is the heading
	}
	return markdownTable(trim(append([][]string{header}, rows(results)...)))
}

// Rounds is how often each run of a part was made.
func (p *Page) Rounds(part string) (n int) {
	for _, r := range p.part(part) {
		n = max(n, r.Round, 1)
	}
	return n
}

// SeriesRounds is the same of the series.
func (p *Page) SeriesRounds() (n int) {
	for _, r := range p.Results {
		if r.Series != "" {
			n = max(n, r.Round, 1)
		}
	}
	return n
}

// Series are the names of the series.
func (p *Page) Series() (names []string) {
	for _, r := range p.Results {
		if r.Series != "" && !slices.Contains(names, r.Series) {
			names = append(names, r.Series)
		}
	}
	return names
}

// SeriesTable has a row for each value.
func (p *Page) SeriesTable(series string) string {
	rows := [][]string{{"scenario", "system", series, "ops/s", "p50 µs", "p99 µs", "redis µs/op", "cpu µs/op", "batch", "allocs/op"}}
	last := ""
	for _, s := range Summarize(p.Results) {
		if s.Series != series {
			continue
		}
		scenario := s.Scenario
		if scenario == last {
			scenario = ""
		}
		last = s.Scenario
		rows = append(rows, []string{
			scenario, s.System, count(s.At), withRange(s.PerS, s.Rounds, count), figure(s.P50, 0), figure(s.P99, 0),
			figure(s.RedisCPU, 2), figure(s.CPU, 2), figure(s.Batch, 1), figure(s.Allocs, 1),
		})
	}
	return markdownTable(rows)
}

// Picture is how a picture is shown, with a text for those who cannot see it; empty if it is not there.
func (p *Page) Picture(name, text string) string {
	if !slices.Contains(p.Pictures, name) {
		return ""
	}
	return "![" + text + "](" + p.Dir + "/" + name + ".svg)\n"
}

// WriteLines writes the report as JSON with a line per result: a folder of results is read by people too.
func (r *Report) WriteLines(w io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteString(`{"env": `)
	if err := enc.Encode(r.Env); err != nil {
		return err
	}
	b.WriteString(`, "results": [` + "\n")
	for i, result := range r.Results {
		if err := enc.Encode(result); err != nil {
			return err
		}
		if i+1 < len(r.Results) {
			b.Truncate(b.Len() - 1)
			b.WriteString(",\n")
		}
	}
	b.WriteString("]}\n")
	_, err := b.WriteTo(w)
	return err
}
