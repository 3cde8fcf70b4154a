package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

func TestReportSteps(t *testing.T) {
	t.Parallel()
	o, err := parse(strings.Fields("-report -d 20ms"))
	require.NoError(t, err)
	require.Len(t, o.parts, len(reportParts))
	parts, series := make(map[string]int), 0
	for _, s := range o.steps() {
		require.Equal(t, 20e6, float64(s.opts.d))
		if s.where.Series != "" {
			series++
		} else {
			parts[s.where.Part]++
		}
		if s.where.Part == "one caller" {
			require.Equal(t, 1, s.opts.callers)
		}
	}
	require.Equal(t, 0, parts[""]%5, "five rounds")
	require.Len(t, parts, 3)
	require.Greater(t, series, 3*20)
}

// TestReport writes the page of a few results, with pictures if the plotting library can be had.
func TestReport(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, picturesDir)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, name := range []string{"FINDINGS.md", "LENGTHS.md"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("what "+name+" says\n"), 0o644))
	}
	o, err := parse(strings.Fields("-report -server embedded -d 20ms -repeat 2"))
	require.NoError(t, err)
	o.root = root
	for _, part := range o.parts {
		if part.lines != nil {
			part.lines = part.lines[:1]
			part.lines[0] = part.lines[0][:2]
			continue
		}
		part.plan = part.plan[:1]
		part.plan[0] = part.plan[0].only(func(system string) bool { return system == report.Thoonk || system == report.Radix })
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, 0, o.bench(t.Context(), []string{"-report"}, &stdout, &stderr), stderr.String())
	page := read(t, filepath.Join(root, pagePath))
	for _, want := range []string{
		"go run ./cmd/bench -report\n", "what FINDINGS.md says", "what LENGTHS.md says", "| feed/fanout | thoonk |", "| feed/publish | thoonk |",
		"### callers\n", "not measured", "| radix | v4",
	} {
		require.Contains(t, page, want)
	}
	require.NotContains(t, page, "<no value>")

	// The results are enough to write it again.
	again := t.TempDir()
	require.NoError(t, os.CopyFS(again, os.DirFS(root)))
	rep, err := readReport(filepath.Join(root, resultsPath))
	require.NoError(t, err)
	require.NotEmpty(t, rep.Results)
	require.NoError(t, writePage(t.Context(), again, rep, &stderr))
	require.Equal(t, page, read(t, filepath.Join(again, pagePath)))
	require.Equal(t, read(t, filepath.Join(root, resultsPath)), read(t, filepath.Join(again, resultsPath)))
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestReportFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-report -run feed":            "-report and -run exclude each other",
		"-report -rate 5":              "-report and -rate exclude each other",
		"-from x":                      "-from is for -report",
		"-report -from " + t.TempDir(): "-from: ",
		"-report -from report_page.go": "holds no results",
		"-report -series all -d 0s":    "-d is 0s",
	} {
		var stdout, stderr bytes.Buffer
		require.NotZero(t, run(t.Context(), strings.Fields(args), &stdout, &stderr), args)
		require.Contains(t, stderr.String(), want, args)
	}
}

// TestInterruptedReport: a report that was cut short is printed, and what is in the repository stays as it is.
func TestInterruptedReport(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, picturesDir), 0o755))
	for _, name := range []string{pagePath, resultsPath} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte("the last one"), 0o644))
	}
	o, err := parse(strings.Fields("-report -server embedded -d 20ms -repeat 2"))
	require.NoError(t, err)
	o.root = root
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, part := range o.parts {
		part.lines = nil
		part.plan = []*Scenario{{Name: "test/cut", Systems: map[string]System{report.Thoonk: func(ctx context.Context, e *Env) (Result, error) {
			r, err := e.Measure(ctx, 1, func(context.Context, int, int) error { return nil })
			cancel()
			return r, err
		}}}}
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitInterrupted, o.bench(ctx, []string{"-report"}, &stdout, &stderr), stderr.String())
	require.Contains(t, stdout.String(), "test/cut")
	for _, name := range []string{pagePath, resultsPath} {
		require.Equal(t, "the last one", read(t, filepath.Join(root, name)))
	}
}
