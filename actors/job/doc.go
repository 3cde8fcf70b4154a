// Package job is work that has to be done: jobs wait in a job set until a worker, in
// whatever process, claims one and finishes it. What a worker does not finish,
// because it failed, was killed or cut off, is done again.
//
//	thumbs, err := eng.Jobs(ctx, "thumbs", job.Config{Timeout: time.Minute, MaxFailures: 5})
//	if err != nil {
//		return err
//	}
//	err = eng.Handle(ctx, thumbs, func(ctx context.Context, c *job.Claim) ([]byte, error) {
//		return resize(ctx, c.Body)
//	}, pool.Options{Workers: 64})
//	…
//	id, err := thumbs.Put(ctx, picture)
//	result, err := thumbs.Wait(ctx, id)
//
// Job sets are shared with programs in other languages that follow the wire
// contract (contract 6).
//
// # States
//
//	           Put                     claim                     Finish
//	(delayed) ─────► available ◄───────────────────► claimed ───────────► finished
//	    ▲             ▲   Cancel, Return, lease lost  │   │         (result kept for
//	    ├── back-off ─┼───────────────────────────────┤   │          its ResultTTL)
//	    └── Snooze ───┼───────────────────────────────┘   │ Stall, or failures
//	                  └───────────── Retry ◄── stalled ◄──┘ = MaxFailures
//
// A job is at every moment in exactly one of these. Retract removes it from any.
// Available jobs are claimed in the order in which they were put; those of High
// priority and those that were returned come first, those that failed last.
//
// # Guarantees
//
// At least once: a job that was put (Put returned nil) is claimed until somebody
// finishes, discards or retracts it, or until it is stalled after MaxFailures; then it
// waits for a Retry. A handler can therefore run twice for one job: when its process
// was killed or cut off from Redis after it did the work and before the finish was
// stored. It does not run twice at once, unless it was taken for dead: a claim whose
// lease has passed belongs to somebody else, the context of its handler ends with
// ErrNotOwner, and whatever its Claim does from then on is refused.
//
// Fencing: each claim has a token of its own, which Finish, Cancel, Return, Snooze,
// Stall, Extend and Progress have to show. Peers have none. Their claims are told from
// ours, but they finish by id alone: what a peer does to a job that we hold takes
// effect, and our claim is over.
//
// After a lost reply calls are repeated by themselves. Where it cannot be told
// whether the first try did it, the call fails with ErrOutcomeUnknown; a handler's
// finish is then either stored, or its job runs again.
//
// # Leases and timeouts
//
// They are two things. The lease (engine.Config.Lease, 10 s) finds processes that died:
// the engine renews it every third of that for all handlers that run, for as long as
// they run. The Timeout of the job set is how long a handler may take: then its
// context ends with ErrTimeout. A handler that ignores its context keeps its slot and
// its lease, is reported with its stack (pool.Options.OnStuck, the log, Stats.Stuck),
// and its job runs nowhere else meanwhile. Claims taken by hand (Get) and those of
// peers have the Timeout as their lease; Extend begins it anew.
//
// # What a crash loses
//
// Nothing but time. The jobs of a process that was killed are available again when
// their leases have passed and an engine with a handler, or one that has claimed
// before, has looked: within 15 s at the defaults, usually after 7 to 11. That counts
// as a failure. An id that died on its way to a worker is put back after it was seen
// missing twice: within a minute at the defaults (engine.Config.CheckEvery).
//
// Leases run on Redis' clock, also while Redis is away. So that an outage does not
// run every job twice, nothing is ended in the first lease after one: living owners
// renew first.
//
// Close of the engine lets handlers finish for DrainTimeout, ends their contexts with
// ErrShutdown then, and returns what they did not finish to the front of the line at
// once, without counting a failure.
//
// # Handlers
//
// A slot is taken before a job is claimed for it: nothing is claimed that nobody can
// run. Job sets share the engine's slots (engine.Config.Workers) in turn. A handler
// decides by the error that it returns: any error is a failure and the job is tried
// again after a back-off; RetryAfter, Snooze, Stall and Discard decide otherwise.
//
// A job that is delayed, or waits for its back-off, starts within 100 ms of its time
// if the engine that put it lives, or its time is more than 5 s away; else within 5 s.
//
// # Cost
//
// Redis does O(log n) for each put, claim and finish, in batches: the finishes of many
// workers and their next claims share a round trip. Retract walks the line of available
// jobs. A job set with a handler costs one goroutine, and up to one command a second,
// in one engine, to look after it; every other engine asks once in four seconds
// whether that one lives. A look ends up to 1000 claims: of many more that expire at
// once the last take a second longer for each thousand.
//
// A result larger than what Redis buffers for a subscriber (32 MiB by default) cuts the
// subscribers of job.finish off; Wait then reads the kept result.
package job
