package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gonum.org/v1/plot"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// results are enough for every figure.
func results() (list []report.Result) {
	for round := range 3 {
		for i, system := range []string{"thoonk", "ceiling", "radix", "asynq", "asynq-8", "bullmq"} {
			for _, scenario := range []string{"job/put", "job/put-many", "job/drain", "job/drain-rtt", "job/memory"} {
				r := report.Result{Scenario: scenario, System: system, Round: round + 1, PerS: float64(200_000/(i+1) + round*1000), RedisCPU: report.Of(4), CPU: report.Of(5)}
				r.Set("bytes_per_job", 400)
				list = append(list, r)
			}
		}
	}
	for name := range axes {
		for _, at := range []float64{1, 100, 10_000} {
			list = append(list, report.Result{
				Scenario: "feed/publish", System: "thoonk", Series: name, At: at, PerS: at * 1000, RedisCPU: report.Of(4 + at/10_000), P50: report.Of(100 * at),
			})
		}
	}
	return append(list, report.Result{Scenario: "job/put", System: "river", Note: "not installed"})
}

func TestFigures(t *testing.T) {
	dir := t.TempDir()
	list, err := figures(report.Summarize(results()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		names = append(names, f.name)
		if err := f.save(dir); err != nil {
			t.Fatal(f.name, err)
		}
		checkPNG(t, filepath.Join(dir, f.name+".png"), f)
		checkSVG(t, filepath.Join(dir, f.name+".svg"))
	}
	for name := range axes {
		if !slices.Contains(names, "series-"+name) {
			t.Errorf("no figure of the series %s among %v", name, names)
		}
	}
	for _, name := range []string{"ceiling", "peers", "costs"} {
		if !slices.Contains(names, name) {
			t.Errorf("no figure %s among %v", name, names)
		}
	}
}

// checkPNG is an error unless the picture is as large as the figure and has more than a few colours.
func checkPNG(t *testing.T, path string, f figure) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(path, err)
	}
	if got, want := img.Bounds().Dx(), int(2*f.width); math.Abs(float64(got-want)) > 1 {
		t.Errorf("%s is %d wide, it must be %d", path, got, want)
	}
	colours := map[any]bool{}
	for x := range img.Bounds().Dx() {
		for y := range img.Bounds().Dy() {
			colours[img.At(x, y)] = true
		}
	}
	if len(colours) < 10 {
		t.Errorf("%s has %d colours: it shows nothing", path, len(colours))
	}
}

func checkSVG(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := xml.NewDecoder(f); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(path, err)
		}
	}
}

// TestNothingToDraw: results without anything to compare make no figures, and no error.
func TestNothingToDraw(t *testing.T) {
	list, err := figures(report.Summarize([]report.Result{{Scenario: "a/b", System: "thoonk", PerS: 1}}))
	if err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.5: "0.5", 7: "7", 12.34: "12.3", 999: "999", 1000: "1k", 12_345: "12.3k", 1 << 20: "1M", 7_654_321: "7.7M"} {
		if got := short(v); got != want {
			t.Errorf("short(%v) is %q, it must be %q", v, got, want)
		}
	}
}

func TestDecades(t *testing.T) {
	label := func(ticks []plot.Tick) (labels []string) {
		for _, tick := range ticks {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		return labels
	}
	if got := label(decades{}.Ticks(80, 1200)); !slices.Equal(got, []string{"100", "200", "500", "1k"}) {
		t.Error(got)
	}
	if got := label(decades{}.Ticks(1, 1e5)); !slices.Equal(got, []string{"1", "10", "100", "1k", "10k", "100k"}) {
		t.Error(got)
	}
}
