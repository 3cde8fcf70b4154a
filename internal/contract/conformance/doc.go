// Package conformance tests that the engine keeps the wire contract (docs/CONTRACT.md), and that it gets on with peers
// that do not.
//
// # Scenarios
//
// The files in testdata hold 124 scenarios. Each is a list of operations, and what became of them: results, messages,
// events of a subscriber, and the keys that are left. They were recorded from thoonk.py, and read as its recording with
// our corrections in it:
//
//	> feed.publish 3 edited          an operation: id, item
//	< 3                              its result; none is said if there is nothing to say
//	# contract 3: an edit evicts …   why the next lines differ
//	- ! feed.retract 1               what thoonk.py did
//	! feed.edit 3 edited             a message, by both
//	* edit 3 edited                  an event, as a subscriber sees it
//	= feed.items hash 1=i1 3=edited  a key in the end, by both
//
// Lines with a minus are thoonk.py's only, with a plus the contract's only, all others both's; each group of the former
// two has its reason in the line above. Three tests hold the files true: thoonk.py's lines are what a
// [github.com/thoonk-go/thoonk/internal/contract/peer] with its commands does; the contract's lines are what a peer that
// keeps the contract does; and they are what the engine does.
//
// Names are <X>, engines <E>, generated ids <id1>, <id2> and so on in the order of their appearance, scores of this
// century @ms or @s by their unit. Words with spaces or NULs in them are quoted as in Go.
package conformance
