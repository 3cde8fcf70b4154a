package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/cpu"
)

// A Handler does what a request asks for. Serve adds the processor time.
type Handler func(ctx context.Context, r Request) (Reply, error)

// Serve is the main loop of a driver in Go: open gets the setup, and what it returns gets the requests until in ends.
func Serve(ctx context.Context, in io.Reader, out io.Writer, open func(context.Context, Setup) (Hello, Handler, error)) error {
	lines, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	var setup Setup
	if err := lines.Decode(&setup); err != nil {
		return fmt.Errorf("no setup: %w", err)
	}
	hello, handle, err := open(ctx, setup)
	if err != nil {
		hello.Error = err.Error()
	}
	if err := errors.Join(answers.Encode(hello), err); err != nil {
		return err
	}
	for {
		var r Request
		switch err := lines.Decode(&r); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		used := cpu.Used()
		reply, err := handle(ctx, r)
		reply.CPU = (cpu.Used() - used).Seconds()
		if err != nil {
			reply.Error = err.Error()
		}
		if err := answers.Encode(reply); err != nil {
			return err
		}
	}
}

// Seconds is a number of them as a Duration.
func Seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Latencies is the reply with the percentiles of a histogram of nanoseconds.
func Latencies(r Reply, h *hdrhistogram.Histogram) Reply {
	if h.TotalCount() > 0 {
		at := func(percentile float64) *float64 { us := float64(h.ValueAtPercentile(percentile)) / 1e3; return &us }
		r.P50, r.P99, r.P999 = at(50), at(99), at(99.9)
	}
	return r
}
