// Package wire carries the commands of actors to Redis.
//
// Everything is sent through vector scripts: one EVALSHA does the work of many
// commands of the same kind. ARGV is "0" or "1" (1: the call may have run
// before, its reply was lost), then the script's channels, then one group of
// arguments per command; the reply is an array with one element per group.
//
// A Batch is one write and one read on a connection: the consecutive commands of
// one script become one call. It is a radix.Action that writes RESP itself and
// reads the replies straight into the commands. A Lane is the one connection (a
// radix pool of size 1) that all batches of an actor go through, so they take
// effect in the order in which they were sent.
//
// An Outbox is an actor's side of it, owned by the actor's goroutine: it forms
// batches of what waits, keeps a few of them in flight, and decides what happens
// to the commands of a batch that failed:
//
//   - never written: sent again when Redis is back;
//   - perhaps run, and Repeatable: sent again with ARGV[1] = "1";
//   - perhaps run, not Repeatable: the caller gets ErrOutcomeUnknown.
//
// Callers wait for that as long as their context lets them, or Patience.
package wire
