package main

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// Colours of Okabe and Ito, which people who see few colours can tell apart.
var (
	blue       = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	orange     = color.RGBA{0xe6, 0x9f, 0x00, 0xff}
	vermillion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
	green      = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	purple     = color.RGBA{0xcc, 0x79, 0xa7, 0xff}
	skyBlue    = color.RGBA{0x56, 0xb4, 0xe9, 0xff}
	grey       = color.RGBA{0x8c, 0x8c, 0x8c, 0xff}
	faint      = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
	ink        = color.RGBA{0x22, 0x22, 0x22, 0xff}
)

// systemColor is the same in all figures.
func systemColor(system string) color.Color {
	switch system {
	case report.Thoonk:
		return blue
	case report.Ceiling:
		return grey
	case report.Radix:
		return orange
	case "asynq", "asynq-8":
		return vermillion
	case "bullmq":
		return green
	}
	return purple
}

// lineColors and lineShapes are of lines that do not differ by their system.
var (
	lineColors = []color.Color{blue, vermillion, green, orange, purple, skyBlue}
	lineShapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{}}
)

const (
	titleSize font.Length = 13
	labelSize font.Length = 11
	tickSize  font.Length = 10
)

// newPlot is an empty panel.
func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font = sans(titleSize)
	p.Title.TextStyle.Color = ink
	p.Title.Padding = 6
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font = sans(labelSize), sans(tickSize)
		a.Label.TextStyle.Color, a.Tick.Label.Color = ink, ink
		a.Color, a.Tick.Color = grey, grey
		a.Tick.LineStyle.Color, a.LineStyle.Color = grey, grey
	}
	return p
}

func sans(size font.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// short is a number in a few characters: 10k, 1.2M.
func short(v float64) string {
	for _, unit := range []struct {
		of   float64
		name string
	}{{1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= unit.of*0.9995 {
			return digits(v/unit.of) + unit.name
		}
	}
	return digits(v)
}

// digits is a number with three of them at most.
func digits(v float64) string {
	return strconv.FormatFloat(v, 'g', min(3, max(1, int(math.Floor(math.Log10(math.Max(1, math.Abs(v)))))+2)), 64)
}

// values are ticks at these places.
type values []float64

func (v values) Ticks(_, _ float64) (ticks []plot.Tick) {
	for _, x := range v {
		ticks = append(ticks, plot.Tick{Value: x, Label: short(x)})
	}
	return ticks
}

// decades are ticks of a logarithmic axis.
type decades struct{}

func (decades) Ticks(least, most float64) (ticks []plot.Tick) {
	few := math.Log10(most/least) < 2.5
	for decade := math.Pow(10, math.Floor(math.Log10(least))); decade <= most; decade *= 10 {
		for n := 1.0; n < 10; n++ {
			t := plot.Tick{Value: n * decade}
			if n == 1 || few && (n == 2 || n == 5) {
				t.Label = short(t.Value)
			}
			if t.Value >= least*0.999 && t.Value <= most*1.001 {
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}

// shorts are the ticks of a linear axis.
type shorts struct{}

func (shorts) Ticks(least, most float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(least, most)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = short(ticks[i].Value)
		}
	}
	return ticks
}

// scale makes the Y axis logarithmic if the values differ much, and begin at 0 if not: so that flat looks flat.
func scale(p *plot.Plot, least, most float64) {
	if least > 0 && most/least > 6 {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades{}
		p.Y.Min, p.Y.Max = least/1.3, most*1.3
		return
	}
	p.Y.Tick.Marker = shorts{}
	p.Y.Min, p.Y.Max = 0, most*1.15
}

// side draws panels side by side, below a title and what is above them.
func side(c draw.Canvas, title string, above vg.Length, panels []*plot.Plot) (top draw.Canvas) {
	const margin = 8
	style := panels[0].Title.TextStyle
	style.Font = sans(titleSize + 3)
	style.XAlign, style.YAlign = draw.XLeft, draw.YTop
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c.FillText(style, vg.Point{X: c.Min.X + margin + 4, Y: c.Max.Y - margin}, title)
	below := draw.Crop(c, margin, -margin, margin, -(margin + 28 + above))
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: 14}
	for i, canvas := range plot.Align([][]*plot.Plot{panels}, tiles, below)[0] {
		panels[i].Draw(canvas)
	}
	return draw.Crop(c, margin+4, -margin, c.Max.Y-c.Min.Y-(margin+28+above), -(margin + 28))
}
