package main

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// find is one scenario on one system, in the main part; nil if it was not measured.
func find(all []report.Summary, scenario, system string) *report.Summary {
	i := slices.IndexFunc(all, func(s report.Summary) bool {
		return s.Scenario == scenario && s.System == system && s.Part == "" && s.Series == "" && s.Note == ""
	})
	if i < 0 {
		return nil
	}
	return &all[i]
}

// A bar is a value with its system and how it varies.
type bar struct {
	system          string
	value, min, max float64
	label           string
}

// barPanel is bars beside each other, with what they are worth above them. Their axis begins at 0.
func barPanel(title string, bars []bar) (*plot.Plot, error) {
	p := newPlot(title)
	most := 0.0
	var names []string
	var labels plotter.XYLabels
	for i, b := range bars {
		chart, err := plotter.NewBarChart(plotter.Values{b.value}, 30)
		if err != nil {
			return nil, err
		}
		chart.XMin, chart.Color, chart.LineStyle.Width = float64(i), systemColor(b.system), 0
		p.Add(chart)
		top := max(b.value, b.max)
		if b.max > b.min {
			err := whisker(p, float64(i), b.min, b.max)
			if err != nil {
				return nil, err
			}
		}
		most = max(most, top)
		names = append(names, b.system)
		labels.XYs = append(labels.XYs, plotter.XY{X: float64(i), Y: top})
		labels.Labels = append(labels.Labels, b.label)
	}
	if err := annotate(p, labels, draw.XCenter, vg.Point{Y: 5}); err != nil {
		return nil, err
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.6, float64(len(bars))-0.4
	p.X.Tick.Length = 0
	p.Y.Min, p.Y.Max = 0, most*1.15
	p.Y.Tick.Marker = shorts{}
	return p, nil
}

// whisker is a thin line from the lowest to the highest round.
func whisker(p *plot.Plot, x, least, most float64) error {
	l, err := plotter.NewLine(plotter.XYs{{X: x, Y: least}, {X: x, Y: most}})
	if err != nil {
		return err
	}
	l.Color, l.Width = ink, 1.2
	p.Add(l)
	return nil
}

func annotate(p *plot.Plot, at plotter.XYLabels, align draw.XAlignment, offset vg.Point) error {
	labels, err := plotter.NewLabels(at)
	if err != nil {
		return err
	}
	for i := range labels.TextStyle {
		labels.TextStyle[i].Font, labels.TextStyle[i].Color = sans(tickSize), ink
		labels.TextStyle[i].XAlign = align
	}
	labels.Offset = offset
	p.Add(labels)
	return nil
}

// allSystems are in the order of the bars.
var allSystems = []string{report.Thoonk, report.Ceiling, report.Radix, "asynq", "asynq-8", "bullmq"}

// peers draws throughput beside that of the peers.
func peers(all []report.Summary) ([]figure, error) {
	var panels []*plot.Plot
	for _, scenario := range []struct{ name, title string }{
		{"job/put", "put, one per call"},
		{"job/put-many", "put, 64 per call"},
		{"job/drain", "claim, run, finish"},
		{"job/drain-rtt", "the same, 1 ms away"},
	} {
		var bars []bar
		others := 0
		for _, system := range allSystems {
			if s := find(all, scenario.name, system); s != nil {
				bars = append(bars, bar{system, s.PerS.Median, s.PerS.Min, s.PerS.Max, short(s.PerS.Median)})
				if strings.HasPrefix(system, "asynq") || system == "bullmq" {
					others++
				}
			}
		}
		if others == 0 {
			continue
		}
		p, err := barPanel(scenario.title, bars)
		if err != nil {
			return nil, err
		}
		panels = append(panels, p)
	}
	return beside("peers", "Jobs per second, beside others", panels), nil
}

// costs draws what a job costs: processor time and memory.
func costs(all []report.Summary) ([]figure, error) {
	var panels []*plot.Plot
	for _, c := range []struct {
		scenario, title string
		value           func(*report.Summary) *float64
	}{
		{"job/drain", "worker's CPU per job, µs", func(s *report.Summary) *float64 { return s.CPU }},
		{"job/drain", "Redis CPU per job, µs", func(s *report.Summary) *float64 { return s.RedisCPU }},
		{"job/put", "Redis CPU per put, µs", func(s *report.Summary) *float64 { return s.RedisCPU }},
		{"job/memory", "bytes per waiting job", func(s *report.Summary) *float64 {
			if v, ok := s.Extra["bytes_per_job"]; ok {
				return &v
			}
			return nil
		}},
	} {
		var bars []bar
		for _, system := range []string{report.Thoonk, "asynq", "bullmq"} {
			if s := find(all, c.scenario, system); s != nil && c.value(s) != nil {
				v := *c.value(s)
				bars = append(bars, bar{system: system, value: v, label: short(v)})
			}
		}
		if len(bars) < 2 {
			continue
		}
		p, err := barPanel(c.title, bars)
		if err != nil {
			return nil, err
		}
		panels = append(panels, p)
	}
	return beside("costs", "What a job costs", panels), nil
}

func beside(name, title string, panels []*plot.Plot) []figure {
	if len(panels) == 0 {
		return nil
	}
	return []figure{{
		name: name, width: vg.Length(30 + 290*len(panels)), height: 320,
		draw: func(c draw.Canvas) { side(c, title, 0, panels) },
	}}
}

// shares draws how much of the ceiling each scenario reaches.
func shares(all []report.Summary) ([]figure, error) {
	p := newPlot("")
	most := 0.0
	var names []string
	var labels plotter.XYLabels
	for i := len(all) - 1; i >= 0; i-- { // the first one on top
		s := all[i]
		ceiling := find(all, s.Scenario, report.Ceiling)
		if ceiling == nil || s.System != report.Thoonk || s.Part != "" || s.Series != "" {
			continue
		}
		y := float64(len(names))
		for _, h := range []struct {
			of    *report.Summary
			shift float64
		}{{&s, 0.19}, {find(all, s.Scenario, report.Radix), -0.19}} {
			if h.of == nil {
				continue
			}
			share := h.of.PerS.Median / ceiling.PerS.Median
			if ratio, ok := h.of.Ratios[report.Ceiling]; ok {
				share = ratio.Median
			}
			chart, err := plotter.NewBarChart(plotter.Values{share}, 13)
			if err != nil {
				return nil, err
			}
			chart.Horizontal, chart.XMin = true, y+h.shift
			chart.Color, chart.LineStyle.Width = systemColor(h.of.System), 0
			p.Add(chart)
			most = max(most, share)
			labels.XYs = append(labels.XYs, plotter.XY{X: share, Y: y + h.shift})
			labels.Labels = append(labels.Labels, fmt.Sprintf("%.2f", share))
		}
		names = append(names, s.Scenario)
	}
	if len(names) == 0 {
		return nil, nil
	}
	if err := annotate(p, labels, draw.XLeft, vg.Point{X: 5, Y: -4}); err != nil {
		return nil, err
	}
	limit, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -0.6}, {X: 1, Y: float64(len(names)) - 0.4}})
	if err != nil {
		return nil, err
	}
	limit.Color, limit.Width, limit.Dashes = grey, 1.5, []vg.Length{5, 3}
	p.Add(limit)
	p.NominalY(names...)
	p.Y.Tick.Length = 0
	p.Y.Min, p.Y.Max = -0.6, float64(len(names))-0.4
	p.X.Min, p.X.Max = 0, max(1.05, most)+0.1
	p.X.Label.Text = "throughput, as a share of the ceiling"
	return []figure{{
		name: "ceiling", width: 720, height: vg.Length(110 + 40*len(names)),
		draw: func(c draw.Canvas) {
			top := side(c, "How much of the ceiling is reached", 24, []*plot.Plot{p})
			legend(top, []*line{
				{name: "thoonk", color: blue, shape: draw.BoxGlyph{}},
				{name: "radix, a call per item", color: orange, shape: draw.BoxGlyph{}},
				{name: "ceiling", color: grey, shape: draw.BoxGlyph{}},
			})
		},
	}}, nil
}
