// Command plots draws the figures of BENCHMARKS.md, as SVG and PNG, from the load tester's JSON:
//
//	go run ./cmd/bench -vs ceiling,radix,asynq,bullmq -repeat 5 -json results.json
//	go run -C cmd/bench/plots . -o /tmp/plots < results.json
//
// It draws what the results are enough for, and prints the names of the files. It is a module of its own: a plotting
// library and its dependencies are needed by nobody who measures, let alone by users of the library.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

func main() {
	dir := flag.String("o", ".", "the `folder` for the pictures")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "plots:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	var r report.Report
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		return fmt.Errorf("stdin has no results: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	figures, err := figures(report.Summarize(r.Results))
	if err != nil {
		return err
	}
	for _, f := range figures {
		if err := f.save(dir); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		fmt.Println(f.name)
	}
	return nil
}

// A figure is one picture.
type figure struct {
	name          string
	width, height vg.Length
	draw          func(draw.Canvas)
}

// figures are those that the results are enough for.
func figures(all []report.Summary) (list []figure, err error) {
	for _, make := range []func([]report.Summary) ([]figure, error){series, shares, peers, costs} {
		some, err := make(all)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// save writes the figure as name.svg and name.png.
func (f *figure) save(dir string) error {
	svg := vgsvg.New(f.width, f.height)
	f.draw(draw.New(svg))
	png := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(144))}
	f.draw(draw.New(png))
	path := filepath.Join(dir, f.name)
	if err := write(path+".svg", svg); err != nil {
		return err
	}
	return write(path+".png", png)
}

func write(path string, c vg.CanvasWriterTo) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := c.WriteTo(file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
