// Package peer is a program in another language, for tests: it shares names with engines and knows nothing of them. It
// sends plain commands, with WATCH, MULTI and EXEC where the contract asks for one step, and claims jobs in two.
//
//	p := peer.New(raw.DoErr, peer.Config{Dialect: peer.ThoonkPy})
//	p.Open("news", contract.TypeFeed, nil)
//	id, err := p.Publish("news", "", "hello")
//
// # Dialects
//
// [Contract] keeps every rule of docs/CONTRACT.md, so it is also a second, independent reading of that page: scenarios
// run through it and through an engine must end in the same keys and messages. [ThoonkPy] sends what thoonk.py sends,
// command by command, its mistakes included; a test compares it with a recording.
//
// # Faults
//
// Config.Faults are the known misbehaviours of peers, each a switch, in either dialect. They may be changed between calls.
//
// A Peer is one connection, so it is not safe for concurrent use.
package peer
