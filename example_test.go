package thoonk_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"time"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/pool"
)

// README.md shows what these functions do: a test compares them.

func Example() {
	ctx := context.Background()
	srv, err := embedded.Start() // or a Redis of yours, 6.2 or later
	check(err)
	defer srv.Close()
	eng, err := engine.Open(ctx, engine.Config{URL: srv.URL()}) // redis://localhost:6379/0
	check(err)
	defer eng.Close(ctx)

	news, err := eng.Feed(ctx, "news", feed.Config{MaxLength: 1000})
	check(err)
	_, err = news.Publish(ctx, []byte("stored, until 1000 newer ones are there"))
	check(err)
	sub, err := news.Follow(ctx, feed.FollowOptions{Snapshot: true})
	check(err)
	_, err = news.Publish(ctx, []byte("stored, and pushed to all followers in every process"))
	check(err)
	for ev := range sub.Events() {
		fmt.Printf("%s %q\n", ev.Kind, ev.Body)
		if ev.Kind == feed.Published {
			break
		}
	}

	mail, err := eng.Queue(ctx, "mail", queue.Config{})
	check(err)
	_, err = mail.Put(ctx, []byte("for exactly one getter"))
	check(err)
	item, err := mail.Get(ctx) // waits until there is one
	check(err)
	fmt.Printf("got %q\n", item.Body)

	// Output:
	// snapshot "stored, until 1000 newer ones are there"
	// synced ""
	// published "stored, and pushed to all followers in every process"
	// got "for exactly one getter"
}

func Example_jobs() {
	ctx := context.Background()
	srv, err := embedded.Start()
	check(err)
	defer srv.Close()
	eng, err := engine.Open(ctx, engine.Config{URL: srv.URL()})
	check(err)
	defer eng.Close(ctx)

	thumbs, err := eng.Jobs(ctx, "thumbs", job.Config{Timeout: time.Minute, MaxFailures: 5})
	check(err)
	err = eng.Handle(ctx, thumbs, func(ctx context.Context, c *job.Claim) ([]byte, error) {
		return bytes.ToUpper(c.Body), nil // after an error it is tried again, later and later
	}, pool.Options{Workers: 64})
	check(err)
	id, err := thumbs.Put(ctx, []byte("for a worker in any process"))
	check(err)
	result, err := thumbs.Wait(ctx, id)
	check(err)
	fmt.Printf("%s\n", result)

	// Output:
	// FOR A WORKER IN ANY PROCESS
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
