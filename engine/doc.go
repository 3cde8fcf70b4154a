// Package engine is Thoonk for Go services: persistent feeds on Redis, shared
// with programs in other languages that follow the same wire contract.
//
//	eng, err := engine.Open(ctx, engine.Config{URL: "redis://localhost:6379/0"})
//	if err != nil {
//		return err
//	}
//	defer eng.Close(ctx)
//
//	news, err := eng.Feed(ctx, "news", feed.Config{MaxLength: 1000})
//	if err != nil {
//		return err
//	}
//	id, err := news.Publish(ctx, []byte("hello"))
//
// One engine per process is the normal use: it shares a few connections between
// all names, and the more goroutines use it at once, the larger its batches get.
//
// # Calls
//
// Nil means done. An error says whether nothing ran (ErrNotSent), or the outcome
// is not known (ErrOutcomeUnknown); any other error is an answer, and nothing was
// changed. Nothing blocks past its context. While Redis is away calls wait, as
// long as their context lets them and Config.Patience at most; what can be
// repeated safely is repeated, so that a restart of Redis goes unnoticed by
// callers that can wait.
//
// # Order
//
// Calls of one goroutine on one name take effect in its order. A call that came
// back with ErrOutcomeUnknown may still take effect later.
//
// # Topologies
//
// The URL says whether there is one server, a primary that sentinels watch, or a
// cluster. On the latter two calls wait while a replica takes over, and followers
// are told Lagged; docs/OPERATIONS.md has the details, and what a fail-over can lose
// unless Config.WaitReplicas is set.
//
// # Cost
//
// A name in use is one goroutine of a few KiB, which ends when it has been idle
// (Config.IdleAfter). An engine holds Config.Connections connections for commands
// and one for messages while there are subscriptions.
package engine
