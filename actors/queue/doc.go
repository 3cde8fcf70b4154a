// Package queue is queues: items that are put at one end and taken at the other, each
// by exactly one getter, in whatever process and whatever language.
//
//	mail, err := eng.Queue(ctx, "mail", queue.Config{})
//	if err != nil {
//		return err
//	}
//	id, err := mail.Put(ctx, body)
//
//	for {
//		it, err := mail.Get(ctx) // waits for an item
//		if err != nil {
//			return err // ctx has ended, or the engine is closed
//		}
//		send(it.Body)
//	}
//
// An item is gone from the queue when it is taken: who needs to know that the work
// was done, or wants it done again when a worker dies, uses jobs (package job).
//
// # Delivery
//
// Put: nil means stored, once. An error that wraps ErrNotSent means not stored and
// never will be; after ErrOutcomeUnknown the item may be there, once.
//
// Get: an item goes to one getter. A living engine loses none: when the reply to a
// take is lost, it asks for the same items again; when the context of a getter ends
// while its item is on the way, the item goes to the next getter of this engine, or
// back to where it was in the queue, also while the engine is closed. Only closing it
// with a context that ends before Redis has answered can lose what was on its way;
// the log says so.
//
// # What a crash loses
//
// A process that is killed loses what it had taken and not yet returned from Get: at
// most once, as seen from the item. It may also leave an item whose id it had popped
// and not taken yet. Such an item is still stored, and an engine whose getters wait
// on the queue gives its id back after it saw it so twice: after twice
// Config.CheckEvery of the engine at the latest (a minute, at its default), and a
// minute later if the process that was killed was just doing that itself. As long as
// no getter waits anywhere, for the queue never runs empty, nobody looks. The reply
// to a pop that gets lost with its connection has the same effect, but the engine
// knows, and looks at once: after two fifths of CheckEvery the item is back.
//
// # Order
//
// Items are taken in the order in which they were put, by whomever; those of high
// priority before all others, the last one first. Getters of one engine are served in
// the order in which they came, and between engines the one that has waited longest.
//
// An item that goes back keeps its place. But for the few milliseconds that it was
// away others may have taken what is behind it, and TryGet may have found the queue
// empty. That happens when a getter leaves while its item is on the way, and within
// 5 ms after getters that waited have been served or have left. Two items that go
// back at the same time, one popped and one taken, may change places.
//
// # Peers
//
// Peers put with LPUSH and take with BRPOP from the other end (contract 5), and wake
// our getters as well as we wake theirs. A peer has to store the item before its id,
// or with it in one transaction: an id without an item is skipped for good. What lies
// under the name when it is deleted and made again as something else is left alone.
//
// # What blocks
//
// Get and GetUpTo wait for an item until their context ends, also while Redis is
// away. Everything else waits for Redis as long as its context lets it, and
// engine.Config.Patience at most.
//
// # Cost
//
// A call is a group of a script call that it shares with what others ask for at the
// same time: a put writes three keys, a take reads and writes three, in O(1) each
// plus the size of the item. A script takes up to 256 items, and looks at up to 1000
// ids that have no item. Waiting costs no commands but a pop every 30 seconds and a
// look every CheckEvery, for up to 64 names together; any number of getters that wait
// on one queue are one waiting connection. IDs and Peek read in pages of at most 1000.
package queue
