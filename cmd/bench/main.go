package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/delay"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// Exit codes.
const (
	exitFailed      = 1 // a scenario failed; the others' results were printed
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	if delay.Child() {
		return
	}
	clean := ownTemporary()
	code := run(interruptible(clean), os.Args[1:], os.Stdout, os.Stderr)
	clean()
	os.Exit(code)
}

// run is the whole program. What it prints to stdout is the report, or what was asked for.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		printUsage(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "bench: %v\nTry bench -help.\n", err)
		return exitUsage
	case opts.list:
		printList(stdout, opts.listed())
		return 0
	}
	if opts.from != "" {
		rep, err := readReport(opts.from)
		if err == nil {
			err = writePage(ctx, opts.root, rep, stderr)
		}
		if err != nil {
			fmt.Fprintf(stderr, "bench: %v\n", err)
			return exitFailed
		}
		return 0
	}
	return opts.bench(ctx, args, stdout, stderr)
}

func (o *options) bench(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	srv, err := openServer(ctx, o.server, o.redis)
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitFailed
	}
	defer srv.stop()
	fmt.Fprintf(stderr, "bench: %s\n", srv.says)

	profiled, err := o.profile()
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitFailed
	}
	r := &runner{opts: o, srv: srv, stderr: stderr, bar: newBar(stderr, o), drives: make(map[string]driver.Hello)}
	if err := errors.Join(r.run(ctx), profiled()); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitFailed
	}
	rep := &report.Report{Env: o.about(srv, args, r.drives), Results: r.results}
	if o.repeat > 1 {
		rep.Summary = report.Summarize(r.results)
	}
	if err := o.tell(ctx, rep, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitFailed
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "bench: interrupted: these are the runs until then")
		return exitInterrupted
	case r.failed > 0:
		fmt.Fprintf(stderr, "bench: %d runs FAILED, see above\n", r.failed)
		return exitFailed
	}
	return 0
}

// tell prints the report, or makes a page of it. Half a page would replace the whole one that is there: after an interrupt
// it is printed.
func (o *options) tell(ctx context.Context, rep *report.Report, stdout, stderr io.Writer) error {
	if o.report && ctx.Err() == nil {
		return writePage(ctx, o.root, rep, stderr)
	}
	return o.print(rep, stdout)
}

// print writes the report where the flags want it.
func (o *options) print(rep *report.Report, stdout io.Writer) error {
	if o.json == "-" {
		return rep.WriteJSON(stdout)
	}
	if o.json != "" {
		f, err := os.Create(o.json)
		if err != nil {
			return err
		}
		if err := errors.Join(rep.WriteJSON(f), f.Close()); err != nil {
			return err
		}
	}
	if o.markdown {
		return report.WriteMarkdown(stdout, rep)
	}
	return report.WriteTable(stdout, rep.Results)
}
