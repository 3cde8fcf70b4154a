package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// reportParts are the runs of -report: what they are called, and their flags in addition to those that were given.
var reportParts = []struct {
	part  string
	flags []string
}{
	{"", []string{"-run=^(feed|queue|sorted|job)/", "-system=."}},
	{"one caller", []string{"-run=^(feed/publish|queue/put|job/put)$", "-callers=1", "-vs=radix,asynq,bullmq"}},
	{"10,000 calls/s", []string{"-run=^(feed/publish|feed/get|queue/put|queue/get|job/put)$", "-rate=10000", "-vs=radix,asynq,bullmq"}},
	{"", []string{"-series=all"}},
}

// Durations and rounds of -report, with which it takes a quarter of an hour on two cores.
const (
	reportDuration = "400ms"
	reportRounds   = "5"
	seriesRounds   = "3"
)

// makeParts makes what -report consists of: the command line with other flags.
func (o *options) makeParts(args []string) (problems []error) {
	for _, name := range []string{"run", "system", "vs", "series", "rate", "callers", "json", "markdown"} {
		if o.set.Changed(name) {
			problems = append(problems, fmt.Errorf("-report and -%s exclude each other", name))
		}
	}
	if problems != nil {
		return problems
	}
	for _, p := range reportParts {
		flags := append(slices.Clone(args), "-report=false")
		if !o.set.Changed("duration") {
			flags = append(flags, "-duration="+reportDuration)
		}
		if !o.set.Changed("repeat") {
			rounds := reportRounds
			if slices.Contains(p.flags, "-series=all") {
				rounds = seriesRounds
			}
			flags = append(flags, "-repeat="+rounds)
		}
		part, err := readFlags(append(flags, p.flags...))
		if err != nil {
			return []error{err}
		}
		part.where.Part = p.part
		o.parts = append(o.parts, part)
	}
	return nil
}

// Where -report writes, from the root of the repository.
const (
	pagePath    = "BENCHMARKS.md"
	resultsPath = "docs/bench/results.json"
	picturesDir = "docs/bench"
)

// writePage writes the results, the pictures and the page.
func writePage(ctx context.Context, root string, r *report.Report, stderr io.Writer) error {
	results, err := os.Create(filepath.Join(root, resultsPath))
	if err != nil {
		return fmt.Errorf("-report writes into the repository: %w", err)
	}
	if err := errors.Join(r.WriteLines(results), results.Close()); err != nil {
		return err
	}
	pictures, err := drawPictures(ctx, root)
	if err != nil {
		fmt.Fprintf(stderr, "bench: there are no new pictures: %v\n", err)
	}
	page := report.Page{Report: r, Pictures: pictures, Dir: picturesDir}
	for name, into := range map[string]*string{"FINDINGS.md": &page.Findings, "LENGTHS.md": &page.Lengths} {
		text, err := os.ReadFile(filepath.Join(root, picturesDir, name))
		if err != nil {
			return err
		}
		*into = string(bytes.TrimSpace(text))
	}
	var b bytes.Buffer
	if err := page.Write(&b); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, pagePath), b.Bytes(), 0o644)
}

// drawPictures runs cmd/bench/plots, and returns the names of the pictures.
func drawPictures(ctx context.Context, root string) (names []string, err error) {
	results, err := os.Open(filepath.Join(root, resultsPath))
	if err != nil {
		return nil, err
	}
	defer results.Close()
	dir, err := filepath.Abs(filepath.Join(root, picturesDir))
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "run", "-C", filepath.Join(peersDir(), "..", "plots"), ".", "-o", dir)
	cmd.Stdin, cmd.Stderr = results, &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	for name := range bytes.Lines(out) {
		names = append(names, string(bytes.TrimSpace(name)))
	}
	return names, nil
}

// readReport reads the results of an earlier -report.
func readReport(path string) (*report.Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("-from: %w", err)
	}
	var r report.Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("-from: %s holds no results: %w", path, err)
	}
	return &r, nil
}
