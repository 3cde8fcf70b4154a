// Package sorted is sorted feeds: items in an order that their writers decide, such as
// a playlist or a list of things to do, with a message for everything that happens
// to them. Get one from engine.Engine:
//
//	todo, err := eng.Sorted(ctx, "todo", sorted.Config{})
//	if err != nil {
//		return err
//	}
//	id, err := todo.Append(ctx, []byte("write"))
//	other, err := todo.Insert(ctx, []byte("think"), sorted.Before(id))
//	err = todo.Move(ctx, other, sorted.Last)
//	for it, err := range todo.All(ctx) { … }
//
//	sub, err := todo.Follow(ctx, sorted.FollowOptions{Snapshot: true})
//	for e := range sub.Events() { … }
//
// # Calls
//
// Nil means done: the change and its messages are one step. ErrNotFound is an answer:
// nothing was written and no message sent. When the reply of a call is lost it is
// repeated by itself, except for inserts, whose ids come from a counter: they end with
// ErrOutcomeUnknown. Calls of one goroutine take effect in its order.
//
// # Ids
//
// Ids are the numbers 1, 2, 3 and so on, as text. They are not used again, until the
// sorted feed is deleted. An item exists if its body is there, and it has a place if
// its id is in the list; peers may lose either. An id without an item can be seen in
// IDs, Len and Index of the others, but for every call it does not exist. An item
// without a place can be read, edited and retracted, not be inserted beside of; Move
// gives it a place again.
//
// # Following
//
// A subscription tells what was announced, in order. With a snapshot it begins with
// the list as it was at one moment, and tells what happened since, without a gap or a
// duplicate: who applies the events to a copy has the list. When messages are missing
// it says so (Lagged), and with a snapshot begins again. A snapshot needs the memory
// for the whole list, and about a round trip per 1000 items or MiB.
//
// # Cost
//
// The list is a Redis list, so finding a place in it takes time in proportion to its
// length (LINSERT, LREM, LPOS). That is so by the contract, and blocks Redis
// meanwhile. CPU time of Redis per call, in µs, one caller, items of 100 bytes,
// positions at random or in the middle (Redis 7.0, medians of five runs of
// BenchmarkLength):
//
//	items                   1,000   100,000   1,000,000
//	Append, Prepend            35        40          51
//	Edit                       43        49          26
//	Insert Before, After       77     1,170      14,400
//	Move to First, Last        80     1,120      15,500
//	Move Before, After        150     4,000      43,900
//	Retract                    64     1,700      15,100
//	Index                      60     1,900      15,800
//
// A caller alone waits for about 60 µs more. With many callers the calls that do not
// go through the list cost less, since they share scripts; the others do not. One
// script goes through about a million elements, however many calls wait: the rest of
// them is asked again, so that Redis can serve others in between. Above 100,000 items
// prefer the ends, or several sorted feeds.
package sorted
