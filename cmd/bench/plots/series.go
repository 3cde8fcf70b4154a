package main

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// axes are what is written below the figures of the series, and above them.
var axes = map[string]struct{ axis, title string }{
	"callers":     {"callers at once", "More callers share each round trip"},
	"names":       {"feeds", "256 callers publish to some feeds"},
	"size":        {"size of an item, bytes", "Larger items, from 64 callers"},
	"stored":      {"items that are there before", "More items in one name"},
	"subscribers": {"subscribers", "One feed, one publisher, many subscribers; operations are notices"},
	"workers":     {"handlers at once", "More handlers of one job set"},
}

// A line is one scenario on one system.
type line struct {
	name  string
	color color.Color
	shape draw.GlyphDrawer
	of    []report.Summary // by what was varied
}

// series draws each series: throughput, the server's cost, latency.
func series(all []report.Summary) (list []figure, err error) {
	var names []string
	for _, s := range all {
		if s.Series != "" && !slices.Contains(names, s.Series) {
			names = append(names, s.Series)
		}
	}
	for _, name := range names {
		lines := linesOf(all, name)
		var panels []*plot.Plot
		for _, panel := range []struct {
			title string
			value func(report.Summary) *float64
		}{
			{"operations per second", func(s report.Summary) *float64 { return &s.PerS.Median }},
			{"Redis CPU per operation, µs", func(s report.Summary) *float64 { return s.RedisCPU }},
			{"median latency, µs", func(s report.Summary) *float64 { return s.P50 }},
		} {
			p, err := seriesPanel(panel.title, axes[name].axis, lines, panel.value)
			if err != nil {
				return nil, err
			}
			if p != nil {
				panels = append(panels, p)
			}
		}
		if len(panels) == 0 {
			continue
		}
		list = append(list, figure{
			name: "series-" + name, width: vg.Length(90 + 300*len(panels)), height: 340,
			draw: func(c draw.Canvas) {
				top := side(c, axes[name].title, 26, panels)
				legend(top, lines)
			},
		})
	}
	return list, nil
}

// linesOf are the lines of a series, in the order of the results.
func linesOf(all []report.Summary, series string) (lines []*line) {
	scenarios, systems := map[string]bool{}, map[string]bool{}
	for _, s := range all {
		if s.Series == series {
			scenarios[s.Scenario], systems[s.System] = true, true
		}
	}
	for _, s := range all {
		if s.Series != series || s.Note != "" {
			continue
		}
		name := s.Scenario
		switch {
		case len(systems) > 1 && len(scenarios) > 1:
			name += " on " + s.System
		case len(systems) > 1:
			name = s.System
		}
		i := slices.IndexFunc(lines, func(l *line) bool { return l.name == name })
		if i < 0 {
			i = len(lines)
			lines = append(lines, &line{name: name, color: lineColors[i%len(lineColors)], shape: lineShapes[i%len(lineShapes)]})
			if len(systems) > 1 && len(scenarios) == 1 {
				lines[i].color = systemColor(s.System)
			}
		}
		lines[i].of = append(lines[i].of, s)
	}
	return lines
}

// seriesPanel returns nil if no line has the value.
func seriesPanel(title, axis string, lines []*line, value func(report.Summary) *float64) (*plot.Plot, error) {
	p := newPlot(title)
	p.X.Label.Text = axis
	p.X.Scale = plot.LogScale{}
	var at values
	least, most := math.Inf(1), 0.0
	var drawn []plot.Plotter
	for _, l := range lines {
		var points plotter.XYs
		for _, s := range l.of {
			v := value(s)
			if v == nil || *v <= 0 {
				continue
			}
			points = append(points, plotter.XY{X: s.At, Y: *v})
			least, most = min(least, *v), max(most, *v)
			if !slices.Contains(at, s.At) {
				at = append(at, s.At)
			}
		}
		if len(points) == 0 {
			continue
		}
		curve, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		curve.Color, curve.Width = l.color, 2
		dots.Color, dots.Shape, dots.Radius = l.color, l.shape, 3.5
		drawn = append(drawn, curve, dots)
	}
	if len(drawn) == 0 {
		return nil, nil
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = faint, faint
	p.Add(append([]plot.Plotter{grid}, drawn...)...)
	slices.Sort(at)
	p.X.Tick.Marker = at
	p.X.Min, p.X.Max = at[0]/1.2, at[len(at)-1]*1.2
	scale(p, least, most)
	return p, nil
}

// legend draws the names of the lines beside each other.
func legend(c draw.Canvas, lines []*line) {
	style := newPlot("").X.Tick.Label
	style.Font = sans(labelSize)
	style.XAlign, style.YAlign = draw.XLeft, draw.YCenter
	x, y := c.Min.X, c.Min.Y+(c.Max.Y-c.Min.Y)/2
	for _, l := range lines {
		c.StrokeLine2(draw.LineStyle{Color: l.color, Width: 2}, x, y, x+26, y)
		c.DrawGlyph(draw.GlyphStyle{Color: l.color, Shape: l.shape, Radius: 3.5}, vg.Point{X: x + 13, Y: y})
		c.FillText(style, vg.Point{X: x + 32, Y: y}, l.name)
		x += 32 + style.Width(l.name) + 22
	}
}
