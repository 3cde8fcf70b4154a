// Command bench measures Thoonk on this machine, next to what the machine could do at best.
//
//	go run ./cmd/bench
//
// Without flags it finds a redis-server on PATH and starts a private one (unix socket, no persistence), or else uses the
// embedded server; it says which. It runs every scenario for a second at most, some 30 seconds in all, and prints a
// table. Figures to publish are made with
//
//	go run ./cmd/bench -repeat 5 -d 5s -markdown
//
// # Flags
//
// All can be written with one dash or two. What is counted goes to 100,000, -repeat to 1,000, -stored to 10,000,000, -size to
// 67,108,864 (what an item may have), -d to 24h, -rtt to 10s, -rate from 0.01 to 1,000,000: more is refused, with exit code 2.
//
//	-list             list the scenarios and stop
//	-run REGEXP       the scenarios to run: -run feed/, -run 'publish$'
//	-vs LIST          compare with these: -vs asynq,bullmq,radix,ceiling; by default radix and ceiling
//	-system REGEXP    or the systems to run on: -system 'thoonk|ceiling'
//	-d 5s             how long each run measures (default: 1s, or less so that all take half a minute)
//	-callers 256      goroutines that call at the same time
//	-size 100         size of an item, in bytes
//	-input FILE       items of yours, one per line (JSON lines, say), instead of -size; they are used in turn; 256 MiB at most
//	-rate 20000       open loop, see below
//	-rtt 1ms          a forwarder between every system and the server adds this to each round trip
//	-stored 100000    items that are there before feed/publish, queue/put, job/put and sorted/append begin; how many
//	                  feed/get reads from, and job/memory puts
//	-names 100        of feed/names
//	-series LIST      vary one thing: callers, names, size, stored, subscribers, workers or all
//	-report           write BENCHMARKS.md, see below
//	-repeat 5         rounds, interleaved (A B C A B C); medians with minimum–maximum are printed
//	-subscribers 100  of feed/fanout
//	-queues 1000      of queue/idle
//	-feeds 10000      of feed/idle; by default a fifth of them if -d is below 2s
//	-workers 100      handlers at once, of job/drain, job/drain-rtt and job/pipeline
//	-jobsets 100      of job/idle
//	-topology WHAT    of topology/…: single, sentinel, or cluster:N with N primaries, 1 to 9; it starts them
//	-names 300        of topology/spread
//	-fault killed     of topology/failover, or stopped, planned, cut-off
//	-server KIND      auto, redis (a private one; an error without redis-server) or embedded
//	-redis URL        a server of yours: redis://, rediss:// or unix://. Names that begin with "bench:" are created
//	                  and deleted there; the load is all it can take, so keep off production
//	-json FILE        the results as JSON; with - they go to stdout, and nothing else does
//	-markdown         the table as Markdown, with the command line and the machine
//	-cpuprofile FILE  a profile of this process' processor time, of filling and checking too; -memprofile FILE of what it
//	                  has allocated
//
// SIGINT ends the run under way and prints what there is; a second one ends the program at once, prints nothing and leaves
// nothing behind but keys on a server of yours. The exit code is 0, 1 if a run failed, 2 for wrong flags, 130 after a signal.
//
// # Scenarios and systems
//
//	feed/publish       many callers publish to one feed, one item per call
//	feed/publish-many  the same with 64 items per call; ops are items, latencies are of calls
//	feed/get           many callers read items of one feed, one item per call
//	feed/publish-async, queue/put-async, job/put-async
//	                   the asynchronous forms, from 4 goroutines, until all is flushed
//	feed/names         many callers publish to many feeds in turn, one item per call
//	feed/fanout        one publisher, many subscribers in one engine; ops are notices delivered
//	feed/order         one goroutine publishes one item and many in turn; they must stand in that order
//	feed/idle          opens many feeds: what each holds while idle, and that it goes away; takes as long as it needs
//	feed/restart       64 callers publish while a redis-server is killed and comes back: nothing acknowledged is lost
//	job/put            many callers put into one job set, one job per call
//	job/put-many       the same with 64 jobs per call; ops are jobs, latencies are of calls
//	job/drain          handlers that do nothing run the jobs of a set that was filled before: claim, run, finish
//	job/drain-rtt      the same with -rtt, or 1ms; "without" has a forwarder that adds nothing
//	job/pipeline       many callers put while handlers run; ops are jobs put, run and finished, latencies are of puts
//	job/pickup         an idle handler, jobs are put at random moments: latency from the put to the start of the handler
//	job/delayed        jobs with delays of 50 ms to 1.5 s: by how much their handlers start late
//	job/memory         jobs wait: bytes of the server's memory for each, MEMORY USAGE of all keys with the name
//	job/idle           a handler for each of many empty job sets: what they cost; ops are wake-ups in the end
//	queue/put          many callers put into one queue, one item per call
//	queue/get          many getters drain one queue that was filled before, one item per call
//	queue/pingpong     one getter waits, items are put at random moments: latency from the put to the getter
//	queue/peer         the same, put by a program that knows only the contract: MULTI, LPUSH, HSET, INCR, EXEC
//	queue/idle         a getter on each of many empty queues: what waiting costs; ops are wake-ups in the end
//	queue/wakeone      8 engines wait on one queue: how many takes a put causes
//	sorted/append      many callers append to one sorted feed, one item per call
//	sorted/mixed       many callers append, insert, move, edit and retract in a sorted feed of some 1,000 items
//	peer/feed, peer/queue, peer/job
//	                   many callers use one name, and so does a program that knows only the contract: how far each gets
//	topology/spread    callers publish to -names feeds on the servers of a -topology, and how busy each server is
//	topology/failover  a primary fails while 36 writers put into 12 queues, 5 ms apart: "gap_ms" is the longest time in which a queue
//	                   took nothing, "errors_…" are calls that failed, "lost" is what was acknowledged and is not there in the end.
//	                   Only when -run names it; radix is what one would write with its Cluster or Sentinel client
//
// Each runs on several systems, one after the other on the same server:
//
//   - thoonk is the engine, with its default configuration.
//   - ceiling is what one connection can do without callers: the same vector scripts with 64 groups in each call, in bytes that were built before,
//     written to one plain connection, four calls in flight. It has no callers, so it has no latencies. When its
//     "redis µs/op" times its ops/s is about a second, the server's one thread was busy all the time and nothing in
//     front of it can be faster, unless its calls are larger: an engine's have up to 256 groups.
//   - radix is what one would write without Thoonk: one EvalScript per call on a radix pool of its default size, 4, with
//     the same script and the same callers. For feed/fanout it is a connection per subscriber, for queue/pingpong and
//     queue/peer a BRPOP on a connection of its own. Scripts of queues know an engine's calls by their numbers: there
//     each caller is an engine.
//
// Peers have to be asked for, with -vs or -system, and installed before, with make bench-peers; the row of one that is not
// says so. They are asynq, asynq-8 (with eight servers in the process, for what is limited by one) and bullmq. Each is
// driven by a process of its own below cmd/bench/peers, which is told what to do in lines of JSON
// (cmd/bench/internal/driver): the same payloads, the same server, interleaved rounds. job/put, job/put-many (asynq has no
// such call), job/drain, job/drain-rtt, job/pickup, job/delayed and job/memory have them. Their settings, and why, are in
// peers/asynq/main.go and peers/bullmq/queue.js. What they have put and run is checked in Redis, and by the handlers.
//
// Delayed jobs of asynq are due in whole seconds, rounded down: "early" is how many began before their time, which counts
// as on time, and "earliest ms" by how much.
//
// With -rtt everything that is measured goes through a forwarder, a process of its own, peers too; what fills, checks and cleans
// up does not. "rtt us" is what a PING takes. The ceiling then has more calls in flight. feed/restart and
// topology/…, which have servers of their own, know nothing of it.
//
// The publisher of feed/fanout publishes 64 items per call as fast as it can, but at most 16,384 items (or 4 MB) ahead of
// the slowest subscriber, for Redis disconnects subscribers that fall too far behind. Notices that a subscriber missed
// because its mailbox was full are not ops: they are counted as lagged.
//
// # What belongs to some scenarios only
//
// queue/get takes from as many items as a run of that time may need, 1,048,576 or 256 MB at most; a run that empties the
// queue ends early. Each item must have been taken once, or be there still.
//
// queue/pingpong and queue/peer pause between an item and the next, 5 ms in the mean, or 1/-rate, a fifth of that at least
// and four times that at most: the getter is waiting again, and everything idle. Their ops/s say nothing.
//
// queue/idle waits for the time of a run. commands_per_s is how many commands the process has sent meanwhile, from INFO
// commandstats: that has those inside scripts as well, but here only the scripts run that look for lost items, and what
// they call are reads (HGET, HLEN, LLEN) that are sent by nobody else; they are left out, and so is the load tester's
// INFO. The ping of its control connection, 0.07 a second, is not. A blocking pop takes 5 s, longer on
// more than 20 connections, and the look for lost items comes each 30 s: use -d 60s or more; below 5 s the figure is left
// out. connections, goroutines and bytes are the engine's and its getters', divided by the
// queues; a getter's goroutine is one of them.
//
// queue/wakeone puts 100 items a second, one at a time, 1,000 at most. takes_per_put is the calls of EVALSHA and EVAL
// less the puts, per put; pops_per_put is those of BRPOP.
//
// feed/idle reads the heap and stacks in use after garbage collections (HeapInuse, StackInuse), with all feeds open and
// before them. goroutines_left must be 0 when the feeds have been idle for some seconds.
//
// feed/restart has a redis-server of its own, with appendfsync always. It is killed (SIGKILL) in the middle of a run and
// comes back after 2 s, or after the time of a run if that is shorter; the run takes so much longer. With a server of
// yours it is left out, and with the embedded one.
//
// Without -input there are 64 different items, or as many as have 64 MiB together. feed/get reads from fewer items than 10,007, and
// job/memory puts fewer than 10,000, if they would have more than 256 MB together. What needs calls of 64 items that are built
// before, such as the ceiling, is left out with items of more than 4 MiB; its row says so.
//
// sorted/mixed has each caller touch only items that it has added, so that the result is known.
//
// The ceiling of job/drain sends a finish only when the answer to its claim is there; other claims are on their way
// meanwhile. On radix a job is a call to claim it and one to finish it, from as many goroutines as there are workers. A
// handler marks its job: in the end each must have run once, and all must be finished in Redis. An idle job set is looked
// after once in 4s, so job/idle counts commands for as many times 4s as -d takes, and not at all below 1s.
//
// Every run checks its result: what was published is stored, what was read is what was stored, each subscriber was told
// of each item. A wrong count is an error and its figures are not printed.
//
// # What the columns mean
//
//	ops/s        operations that came back without an error, by the time until the last one did
//	p50 … p99.9  latency of a call, from an HDR histogram with three digits; of feed/fanout from the call of publish until
//	             the first subscriber has the notice
//	cpu µs/op    processor time of this process, callers and load tester included; of a peer's process; not on
//	             the embedded server
//	redis µs/op  processor time of the whole server process (INFO cpu), user and system; not on the embedded server
//	batch        mean number of commands that the engine put in a round trip; of queue/get, of getters that a round trip
//	             served
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
// Scenarios that know no rate are left out: those that drain with handlers, count what is idle, or have their own pace.
// The pauses of pick-ups have the mean 1/-rate.
//
// # Series and the report
//
// -series callers runs some scenarios with 1 to 1,024 callers; names goes to 10,000, size from 10 bytes to 1 MiB, stored to a
// million, subscribers to 10,000, workers to 1,000. They are of Thoonk alone unless -vs or -system says otherwise, since
// the shape matters: a cost per operation that should not depend on something is a flat line. Rounds go over all values.
//
// -report runs everything beside the peers, one caller alone, calls at a fixed rate, and all series, in a quarter of an
// hour; -d and -repeat make it longer or shorter. From the root of the repository it writes docs/bench/results.json, the
// pictures beside it, which cmd/bench/plots draws, and BENCHMARKS.md, with docs/bench/FINDINGS.md and LENGTHS.md in it, which
// people write. With -from docs/bench/results.json it measures nothing and writes the page again.
//
// # JSON
//
//	{"env": {…}, "results": [{"scenario", "system", "callers", "size", "ops", "seconds", "ops_per_s", "p50_us", "p99_us",
//	 "p999_us", "redis_cpu_us_per_op", "cpu_us_per_op", "batch_mean", "allocs_per_op", …}]}
//
// A figure that does not apply is null. "extra" holds what only some scenarios have, "rate" is there in an open loop,
// "round" with -repeat, "series" and "at" with -series, "note" instead of figures for a system that could not run,
// "interrupted" in a run that was cut short. With -repeat results has every round, and "summary"
// has medians, minimum and maximum, and the ratios.
//
// # Adding a scenario
//
// Add one file, kind_verb.go. Its init function calls register with a Scenario: the name, a line for -list, flags of its
// own if it has any, and a function per system. Such a function gets an Env, prepares (Env.Name, Env.Control to fill
// and check, Env.Engine, Env.Radix or Env.Direct to measure), calls Env.Measure, MeasurePipeline or MeasureLoop once, and
// compares Result.Total, which includes the warm-up, with what is in Redis. Result.Set adds figures of its own.
// feed_get.go is a good one to start from. withPeers adds the peers.
// A new kind of actor also needs its line in Env.meter, for the batch column.
package main
