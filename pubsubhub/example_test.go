package pubsubhub_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mediocregopher/radix/v4"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

func Example() {
	ctx := context.Background()
	client, err := (radix.PoolConfig{}).New(ctx, "tcp", "localhost:6379")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	hub := pubsubhub.New(pubsubhub.Config{
		Dial: func(ctx context.Context) (radix.Conn, error) { return radix.Dial(ctx, "tcp", "localhost:6379") },
		Publish: func(ctx context.Context, channel, payload string) error {
			return client.Do(ctx, radix.Cmd(nil, "PUBLISH", channel, payload))
		},
	})
	defer hub.Close()

	sub, err := hub.Subscribe(ctx, pubsubhub.Options{Channels: []string{"news"}, Patterns: []string{"sport.*"}})
	if err != nil {
		log.Fatal(err)
	}
	defer sub.Close()

	// What is read from Redis here has no gap to the events below.
	for {
		e, err := sub.Next(ctx)
		if err != nil {
			return
		}
		switch e.Kind {
		case pubsubhub.KindMessage:
			fmt.Printf("%s: %s\n", e.Channel, e.Payload)
		case pubsubhub.KindLagged, pubsubhub.KindReconnected:
			fmt.Println("messages are missing here: read again what they told about")
		}
	}
}
