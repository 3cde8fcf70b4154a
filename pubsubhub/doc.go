// Package pubsubhub shares one Redis pub/sub connection between any number of subscribers. Each has a bounded mailbox of
// its own, so none can hold up another, and none is ever silently wrong: what it missed is an event in its stream.
//
//	hub := pubsubhub.New(pubsubhub.Config{
//		Dial: func(ctx context.Context) (radix.Conn, error) { return radix.Dial(ctx, "tcp", "localhost:6379") },
//		Publish: func(ctx context.Context, channel, payload string) error {
//			return client.Do(ctx, radix.Cmd(nil, "PUBLISH", channel, payload))
//		},
//	})
//	defer hub.Close()
//
//	sub, err := hub.Subscribe(ctx, pubsubhub.Options{Channels: []string{"news"}, Patterns: []string{"job.*"}})
//	if err != nil {
//		return err
//	}
//	defer sub.Close()
//	for {
//		e, err := sub.Next(ctx)
//		if err != nil {
//			return err
//		}
//		switch e.Kind {
//		case pubsubhub.KindMessage:
//			handle(e.Channel, e.Payload)
//		case pubsubhub.KindLagged, pubsubhub.KindReconnected:
//			catchUp() // messages are missing here
//		}
//	}
//
// # Order
//
// A subscription has its messages in the order in which Redis sent them, over all its channels. As in Redis, a message that
// matches an exact name and a pattern of the same subscription arrives once for each of them; Pattern tells them apart.
// (Redis sends it twice, and not always side by side. To drop one of the two would take a guess.)
//
// # Loss
//
// Pub/sub is at most once: Redis keeps nothing. The stream of a subscription begins when the last of its names is
// confirmed, which is before Subscribe returns. From then on messages are missing in two cases, and an event stands in
// the place of those that are:
//
//   - The mailbox was full: KindLagged, with their number. Messages queued before and after are kept.
//   - The connection was replaced: KindReconnected. It comes when all names of the subscription are confirmed on the new
//     connection: what is read from Redis after this event has no gap to the messages after it. During an outage nothing
//     comes; Stats tells.
//
// A connection is also replaced when it stays open but delivers nothing: after some silence the hub publishes a probe to
// itself, and waits for it. By default that takes 8 s, during which a subscriber knows nothing of it.
//
// If Redis no longer allows a name after a reconnect, the subscriptions that follow it end with ErrRefused.
//
// # Blocking
//
// Subscribe waits for Redis, Next for an event, Hub.Close for the hub's goroutines; Subscription.Close and Stats wait for
// nothing. No subscriber can hold up the hub, except by a slow Filter. If the hub cannot keep up with Redis it stops reading;
// Redis then buffers, and at its limit (client-output-buffer-limit pubsub) cuts the connection.
//
// # Cost
//
// Without subscriptions there is no connection. With them: one connection, four goroutines and two buffers of 64 KiB, and a
// PUBLISH per 5 s of silence. A message costs two allocations and a copy of its payload, whatever the number of its
// subscribers; each of those adds the queueing of a pointer, one lock per run of messages of a channel, and one wake-up
// if it sleeps. A mailbox starts empty and grows as needed, 8 bytes per message; the messages are shared. A message that
// waits in one mailbox is kept as a whole, never more than it. A large message takes up to four times its size while it is
// read; Redis itself cuts a subscriber at 32 MiB of unread messages unless client-output-buffer-limit says otherwise.
package pubsubhub
