package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
)

// options are the flags.
type options struct {
	set *pflag.FlagSet

	list                   bool
	run                    string
	system                 string
	vs                     []string
	d                      time.Duration
	callers                int
	size                   int
	input                  string
	rate                   float64
	rtt                    time.Duration
	stored                 int
	repeat                 int
	server                 string
	redis                  string
	json                   string
	markdown               bool
	cpuProfile, memProfile string

	series string
	report bool
	from   string
	root   string // of the repository, for -report

	where    Result       // what results have in common
	plan     []*Scenario  // those to run
	lines    [][]*options // instead, with -series: the points of each line
	parts    []*options   // instead, with -report
	payloads *payloads
}

// flagSet declares the flags, and those that scenarios have of their own.
func (o *options) flagSet() *pflag.FlagSet {
	fs := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() {} // run prints it
	fs.BoolVar(&o.list, "list", false, "list the scenarios (that -run selects) and stop")
	fs.StringVar(&o.run, "run", "", "run the scenarios whose name matches the `regexp`")
	fs.StringSliceVar(&o.vs, "vs", nil, "compare Thoonk with these `systems`: "+strings.Join(comparisons, ",")+"; by default ceiling,radix")
	fs.StringVar(&o.system, "system", "", "run the systems whose name matches the `regexp` instead: thoonk, ceiling, radix, asynq, asynq-8, bullmq")
	fs.DurationVarP(&o.d, "duration", "d", 0, "how long each run measures; by default 1s, or less so that all take half a minute")
	fs.IntVar(&o.callers, "callers", 256, "goroutines that call at the same time")
	fs.IntVar(&o.size, "size", 100, fmt.Sprintf("size of an item in `bytes`, %d at most", most("size")))
	fs.StringVar(&o.input, "input", "", "`file` of items to use, one per line (JSON lines, say), instead of -size; 256 MiB at most")
	fs.Float64Var(&o.rate, "rate", 0, "open loop: `calls` per second, 0.01 to 1,000,000, timed from when they were due; 0: as fast as it goes")
	fs.DurationVar(&o.rtt, "rtt", 0, "what a forwarder adds to each round trip of every system, 10s at most")
	fs.IntVar(&o.stored, "stored", 0, "items that are there before a run that adds one per call, or to be read by feed/get")
	fs.IntVar(&o.repeat, "repeat", 1, "rounds, interleaved; then medians (minimum–maximum) are printed")
	fs.StringVar(&o.server, "server", "auto", "auto, redis (a private one from PATH) or embedded")
	fs.StringVar(&o.redis, "redis", "", "`URL` of a server to use instead; keys are added and deleted there")
	fs.StringVar(&o.json, "json", "", "write the results as JSON to a `file`; - is stdout, which then has nothing else")
	fs.BoolVar(&o.markdown, "markdown", false, "print the table as Markdown")
	fs.StringVar(&o.series, "series", "", "vary one thing: "+strings.Join(seriesNames(), ", ")+" or all")
	fs.BoolVar(&o.report, "report", false, "write BENCHMARKS.md, its pictures and results; takes a quarter of an hour")
	fs.StringVar(&o.from, "from", "", "with -report: take the results from a `file` of an earlier one")
	fs.StringVar(&o.cpuProfile, "cpuprofile", "", "write a profile of this process' processor time to a `file`")
	fs.StringVar(&o.memProfile, "memprofile", "", "write a profile of its allocations to a `file`")
	for _, s := range scenarios() {
		if s.Flags != nil {
			s.Flags(fs)
		}
	}
	o.set = fs
	return fs
}

// intFlag declares a flag of a scenario. Scenarios may share one: the first declaration counts.
func intFlag(fs *pflag.FlagSet, name string, value int, usage string) {
	if fs.Lookup(name) == nil {
		fs.Int(name, value, usage)
	}
}

// parse reads the command line and makes the items. It reports every problem that can be found before anything runs.
func parse(args []string) (*options, error) {
	o, err := readFlags(args)
	if err == nil && !o.list && o.from == "" { // else nothing is measured
		err = o.makePayloads(make(map[payloadsOf]*payloads))
	}
	return o, err
}

// readFlags is parse without items, of which there are many in some series.
func readFlags(args []string) (*options, error) {
	o := &options{root: "."}
	fs := o.flagSet()
	if err := fs.Parse(twoDashes(fs, args)); err != nil {
		return nil, err
	}
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if fs.NArg() > 0 {
		bad("unexpected argument %q", fs.Arg(0))
	}
	problems = append(problems, o.checkNumbers()...)
	for _, s := range scenarios() {
		if s.Check != nil {
			problems = append(problems, s.Check(fs))
		}
	}
	if fs.Changed("system") && fs.Changed("vs") {
		bad("-system and -vs exclude each other")
	}
	for _, system := range o.vs {
		if !slices.Contains(comparisons, system) {
			bad("-vs has %q: want some of %s", system, strings.Join(comparisons, ", "))
		}
	}
	if fs.Changed("size") && o.input != "" {
		bad("-size and -input exclude each other")
	}
	if o.server != "auto" && o.server != kindRedis && o.server != kindEmbedded {
		bad("-server is %q: want auto, redis or embedded", o.server)
	}
	if o.redis != "" {
		if _, err := direct.Parse(o.redis); err != nil {
			bad("-redis: %v", err)
		}
		if fs.Changed("server") {
			bad("-server and -redis exclude each other")
		}
	}
	if o.markdown && o.json == "-" {
		bad("-markdown and -json - exclude each other: both are for stdout")
	}
	if o.from != "" && !o.report {
		bad("-from is for -report")
	}
	if o.from != "" {
		o.d = time.Second
	} else if o.report {
		problems = append(problems, o.makeParts(args)...)
	} else if o.series != "" {
		problems = append(problems, o.makeLines(args)...)
	} else {
		problems = append(problems, o.makePlan()...)
	}
	if err := errors.Join(problems...); err != nil {
		return o, err
	}
	if o.d == 0 {
		o.d = o.shortRun()
	}
	return o, nil
}

// twoDashes lets flags be written with one dash, as Go programs have them: -callers becomes --callers. A word that begins
// with a one-letter flag and is no flag itself stays as it is (-d5s), and so does everything behind --.
func twoDashes(fs *pflag.FlagSet, args []string) []string {
	out := slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || len(name) < 2 || name[0] < 'A' { // --long, or a negative number
			continue
		}
		if fs.Lookup(name) != nil || fs.ShorthandLookup(name[:1]) == nil {
			out[i] = "-" + arg
		}
	}
	return out
}

func printUsage(w io.Writer) {
	var o options
	fmt.Fprintf(w, `bench measures Thoonk, and what it could be at best, on this machine.

Usage: go run ./cmd/bench [flags]

  bench                                        everything, briefly, on a private redis-server
  bench -list                                  what there is
  bench -run feed/publish$ -d 5s -callers 1024
  bench -run feed/ -input events.jsonl         items of your own, one per line
  bench -run feed/get -rate 20000 -d 10s       latency at a fixed rate of calls
  bench -repeat 5 -d 5s -markdown              as for published figures
  bench -run job/ -vs asynq,bullmq -repeat 5   beside what one might take instead (make bench-peers installs it)
  bench -run job/ -rtt 1ms                     with a network between
  bench -redis redis://:password@host:6379/9   on a server of yours (not one in production)
  bench -json - | jq '.results[].ops_per_s'

Flags, with one dash or two:
%s`, o.flagSet().FlagUsages())
}

func printList(w io.Writer, plan []*Scenario) {
	width := 0
	for _, s := range plan {
		width = max(width, len(s.Name))
	}
	for _, s := range plan {
		fmt.Fprintf(w, "%-*s  %s\n%*s  on %s\n", width, s.Name, s.Doc, width, "", strings.Join(s.systems(), ", "))
	}
}
