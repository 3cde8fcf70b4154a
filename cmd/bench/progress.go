package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A bar shows on a terminal how far we are. All methods do nothing on a nil bar.
type bar struct {
	p    *progressbar.ProgressBar
	runs int // done
}

const stepsPerRun = 100

// newBar returns nil if w is no terminal.
func newBar(w io.Writer, o *options) *bar {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &bar{p: progressbar.NewOptions(len(o.steps())*stepsPerRun,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	)}
}

func (b *bar) begin(r Result) {
	if b != nil {
		b.p.Describe(fmt.Sprintf("%-20s %-8s", r.Scenario, r.System))
	}
}

// share tells how much of the current run is done.
func (b *bar) share(done float64) {
	if b != nil {
		_ = b.p.Set(b.runs*stepsPerRun + int(done*(stepsPerRun-1))) // a bar that cannot be drawn must not stop us
	}
}

func (b *bar) end() {
	if b != nil {
		b.runs++
		_ = b.p.Set(b.runs * stepsPerRun)
	}
}

// clear makes room for a message.
func (b *bar) clear() {
	if b != nil {
		_ = b.p.Clear()
	}
}

func (b *bar) finish() { b.clear() }
