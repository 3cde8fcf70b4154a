// Command bench measures Thoonk on this machine, next to what the machine could do at best.
//
//	go run ./cmd/bench
//
// Without flags it finds a redis-server on PATH and starts a private one (unix socket, no persistence), or else uses the
// embedded server; it says which. It runs every scenario for a second at most, some 20 seconds in all, and prints a
// table. Figures to publish are made with
//
//	go run ./cmd/bench -repeat 5 -d 5s -markdown
//
// # Flags
//
// All can be written with one dash or two.
//
//	-list             list the scenarios and stop
//	-run REGEXP       the scenarios to run: -run feed/, -run 'publish$'
//	-system REGEXP    the systems to run them on: -system 'thoonk|ceiling'
//	-d 5s             how long each run measures (default: 1s, or less so that all take 20s)
//	-callers 256      goroutines that call at the same time
//	-size 100         size of an item, in bytes
//	-input FILE       items of yours, one per line (JSON lines, say), instead of -size; they are used in turn
//	-rate 20000       open loop, see below
//	-repeat 5         rounds, interleaved (A B C A B C); medians with minimum–maximum are printed
//	-subscribers 100  of feed/fanout
//	-server KIND      auto, redis (a private one; an error without redis-server) or embedded
//	-redis URL        a server of yours: redis://, rediss:// or unix://. Names that begin with "bench:" are created
//	                  and deleted there; the load is all it can take, so keep off production
//	-json FILE        the results as JSON; with - they go to stdout, and nothing else does
//	-markdown         the table as Markdown, with the command line and the machine
//
// SIGINT ends the run under way and prints what there is; a second one ends the program at once. The exit code is 0, 1 if
// a run failed, 2 for wrong flags, 130 after a signal.
//
// # Scenarios and systems
//
//	feed/publish       many callers publish to one feed, one item per call
//	feed/publish-many  the same with 64 items per call; ops are items, latencies are of calls
//	feed/get           many callers read items of one feed, one item per call
//	feed/fanout        one publisher, many subscribers in one engine; ops are notices delivered
//
// Each runs on several systems, one after the other on the same server:
//
//   - thoonk is the engine, with its default configuration.
//   - ceiling is the upper limit: the same vector scripts with 64 groups in each call, in bytes that were built before,
//     written to one plain connection, four calls in flight. It has no callers, so it has no latencies. When its
//     "redis µs/op" times its ops/s is about a second, the server's one thread was busy all the time and nothing in
//     front of it can be faster.
//   - radix is what one would write without Thoonk: one EvalScript per call on a radix pool of its default size, 4, with
//     the same script and the same callers. For feed/fanout it is a connection per subscriber.
//
// The publisher of feed/fanout publishes 64 items per call as fast as it can, but at most 16,384 items (or 4 MB) ahead of
// the slowest subscriber, for Redis disconnects subscribers that fall too far behind. Notices that a subscriber missed
// because its mailbox was full are not ops: they are counted as lagged.
//
// Every run checks its result: what was published is stored, what was read is what was stored, each subscriber was told
// of each item. A wrong count is an error and its figures are not printed.
//
// # What the columns mean
//
//	ops/s        operations that came back without an error, by the time until the last one did
//	p50 … p99.9  latency of a call, from an HDR histogram with three digits; of feed/fanout from the call of publish until
//	             the first subscriber has the notice
//	redis µs/op  processor time of the whole server process (INFO cpu), user and system; not on the embedded server
//	batch        mean number of commands that the engine put in a round trip
//	allocs/op    heap allocations of this process, the load tester's few included
//	more         what only this scenario has
//
// Below them stand the ratios of ops/s: thoonk/ceiling 0.80× means four fifths of the limit. With -repeat they are made
// round by round, which cancels out a machine that gets slower.
//
// A run warms up for a tenth of its time, half a second at most. What was published meanwhile is checked, not counted.
// Filling a feed is not measured either. Names are new for each run and deleted behind it, and the next run begins when
// the server has freed their memory. The load tester, its callers and the server share this machine's cores.
//
// # Closed and open loop
//
// By default a caller makes its next call when the last one came back. That finds the highest throughput; the latencies
// are those of an overloaded system, and callers / throughput decides most of them. A stall of a second shows up as one
// slow call per caller, however many calls it would have delayed: coordinated omission.
//
// With -rate N calls are due at a fixed rate, and a call's latency counts from when it was due, whether or not it could
// begin then. Choose a rate well below the highest throughput: "late" counts calls that were due and had not even begun
// at the end; it should be 0. There is no ceiling at a rate, and ratios of ops/s would mean nothing. The publisher of
// feed/fanout then publishes one item per call; it is a single caller.
//
// # JSON
//
//	{"env": {…}, "results": [{"scenario", "system", "callers", "size", "ops", "seconds", "ops_per_s", "p50_us", "p99_us",
//	 "p999_us", "redis_cpu_us_per_op", "batch_mean", "allocs_per_op", …}]}
//
// A figure that does not apply is null. "extra" holds what only some scenarios have, "rate" is there in an open loop,
// "round" with -repeat, "interrupted" in a run that was cut short. With -repeat results has every round, and "summary"
// has medians, minimum and maximum, and the ratios.
//
// # Adding a scenario
//
// Add one file, kind_verb.go. Its init function calls register with a Scenario: the name, a line for -list, flags of its
// own if it has any, and a function per system. Such a function gets an Env, prepares (Env.Name, Env.Control to fill
// and check, Env.Engine, Env.Radix or Env.Direct to measure), calls Env.Measure, MeasurePipeline or MeasureLoop once, and
// compares Result.Total, which includes the warm-up, with what is in Redis. Result.Set adds figures of its own.
// feed_get.go is a good one to start from. A new kind of actor also needs its line in Env.meter, for the batch column.
package main
