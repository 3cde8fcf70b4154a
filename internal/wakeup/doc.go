// Package wakeup waits for the first id of many empty queues and job sets at
// once, so that every put wakes a taker without polling. Peers put with a bare
// LPUSH onto feed.ids:X (contract 5, 6), so a blocked BRPOP is the only push
// wake-up there is; this package shares one such pop between up to 64 names.
//
//	w := wakeup.New(wakeup.Config{Instance: instance, Dial: dial, Do: do})
//	defer w.Close(ctx)
//	w.Arm("mail", box) // the queue was found empty
//	…
//	func (b *box) Wake(id string) bool { return b.inbox.TrySend(&woken{id}) }
//
// Arming is one-shot: the id that Wake took is the last one until the name is
// armed again. The actor takes that id's item and as many more as it has waiters
// for, and arms the name when it finds the queue empty again.
//
// # Guarantees
//
//   - Every id that was popped is either handed over once (Wake returned true)
//     or put back to the right end of its list, where the next taker takes it.
//   - After Disarm returned neither Wake nor Suspect of that name runs or is
//     called.
//   - Arm sees what was put before it: a pop finds a list that is not empty.
//   - One put wakes one waker, however many processes wait.
//   - The names of a connection are served in turn: one that never runs empty
//     does not starve the others.
//
// # What can be lost
//
// When a connection breaks while a pop is under way, or this process dies, Redis
// may have popped an id that nobody got. Its item is still stored, under an id
// that is nowhere. After a connection was lost, and otherwise every CheckEvery,
// Config.Check looks for names of which this may be true; Suspect tells them.
// Their maintenance puts the id back.
//
// An id that goes back is next in line again, but a taker in another process may
// have taken the one behind it in between: order is kept as long as nothing is
// put back.
//
// # Connections that are half open
//
// Nothing tells a client that its blocked pop will never be answered: the server's
// machine has gone, or somebody in between has forgotten the connection. So pops are
// short, Timeout, and one that has no reply 5s later has its connection replaced. An
// interrupt without effect shows it sooner.
//
// # Changing the names of a pop
//
// A blocked pop waits for the names that it was sent with. Its first key is a
// control list of this waker's own, feed.wake:<instance>:<n>: a push onto it ends
// the pop, which is then sent again with the names as they are now.
//
//   - A name that was armed and is not in the blocked pop interrupts it at once:
//     it may have something already. While that interrupt is on its way further
//     changes ride along, so a thousand names armed in a row take a few of them.
//   - A name that was disarmed and is in the blocked pop interrupts it after 5 ms.
//     Until then an id popped for it goes back, which costs the taker elsewhere a
//     round trip. But who disarms often arms again at once (a Get with a short
//     timeout in a loop), and that costs nothing as long as the name is in the pop
//     still. The other engines wait at most 5 ms longer than they must, and only
//     for a put that comes in these 5 ms.
//   - When no pop is blocked the new names are just used. A name alone on its
//     connection, the usual case, is woken and armed without any interrupt.
//
// # Keys that cannot be popped
//
// One key that is not a list makes the pop of all of them fail, and so does one
// that the user may not touch (ACL). Such a name is left out for one second, doubling
// to 32, and its Suspect is called: its actor finds out what the name has become. The
// user needs the commands BRPOP, LPUSH, RPUSH, PEXPIRE and TYPE, and the keys
// feed.wake:*.
//
// # Cost
//
// One connection and four goroutines per 64 names. Waiting costs one BRPOP per
// Timeout and one Check per CheckEvery for each connection, in all less than 0.25
// commands a second at the defaults. More than 20 connections, which in a cluster are
// as many names, send no more pops than 20 do, 4 a second, because their pops last
// longer; from 120 on that is 30s, and each more adds its 0.03. A wake-up takes 0.1 ms
// on loopback, and 0.14 ms among 63 other names. It costs one BRPOP; if the connection
// has other names too, arming the name again costs LPUSH, PEXPIRE and another
// BRPOP. An id that is put back costs one RPUSH.
//
// No call blocks on Redis, except for Close.
package wakeup
