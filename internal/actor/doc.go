// Package actor is one goroutine behind a typed inbox: the Mailbox it reads
// and the Reply a caller waits on. It knows nothing of Redis and imports only
// the standard library.
//
// A caller builds a command that embeds a Reply, sends it with Mailbox.Send
// and waits with Reply.Wait. The goroutine that owns the mailbox takes commands
// in arrival order and resolves their replies.
//
//	type add struct {
//		actor.Reply[int]
//		n int
//	}
//
//	c := &add{n: 2}
//	c.Init()
//	if err := box.Send(ctx, c, patience); err != nil {
//		return 0, err
//	}
//	return c.Wait(ctx, box.Done())
//
// Guarantees: commands of one goroutine are handled in its order. A command
// that Send accepted is answered, unless its caller stopped waiting or the
// owner ended without taking it; the caller then gets ErrStopped, which means
// that it did not run and never will.
package actor
