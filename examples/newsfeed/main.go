// Command newsfeed has two engines on one Redis, as two processes would have: one
// publishes, the other keeps a copy of the feed that is always right, however slow
// it is and whatever happens to its connection.
//
//	go run ./examples/newsfeed
//	go run ./examples/newsfeed -redis redis://localhost:6379/0
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/engine"
)

func main() {
	url := flag.String("redis", "", "URL of the Redis server; by default an embedded one")
	name := flag.String("feed", "newsfeed-example", "name of the feed; it is deleted at the end")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *url, *name); err != nil {
		fmt.Fprintln(os.Stderr, "newsfeed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, url, name string) (err error) {
	if url == "" {
		srv, err := embedded.Start()
		if err != nil {
			return err
		}
		defer srv.Close()
		url = srv.URL()
	}

	newsroom, err := engine.Open(ctx, engine.Config{URL: url})
	if err != nil {
		return err
	}
	defer newsroom.Close(ctx)
	kiosk, err := engine.Open(ctx, engine.Config{URL: url})
	if err != nil {
		return err
	}
	defer kiosk.Close(ctx)

	// Both ask for the feed; whoever comes first creates it.
	cfg := feed.Config{Title: "Headlines", MaxLength: 3}
	headlines, err := newsroom.Feed(ctx, name, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, newsroom.Delete(ctx, name)) }()
	received, err := kiosk.Feed(ctx, name, cfg)
	if err != nil {
		return err
	}

	if err := headlines.PublishAs(ctx, "rain", []byte("Rain tomorrow")); err != nil {
		return err
	}
	sub, err := received.Follow(ctx, feed.FollowOptions{Snapshot: true})
	if err != nil {
		return err
	}
	defer sub.Close()

	done := make(chan error, 1)
	go func() { done <- publish(ctx, headlines) }()
	shelf := &shelf{}
	if err := shelf.follow(ctx, out, sub); err != nil {
		return errors.Join(err, <-done)
	}
	if err := <-done; err != nil {
		return err
	}

	fmt.Fprintln(out, "on the shelf:")
	for _, it := range shelf.items {
		fmt.Fprintf(out, "  %s\n", it.Body)
	}
	return nil
}

// last is the id of the item that ends the example.
const last = "good night"

// publish is the newsroom's work.
func publish(ctx context.Context, f *feed.Feed) error {
	for _, it := range []feed.Item{
		{ID: "goal", Body: []byte("1-0 after ten minutes")},
		{ID: "train", Body: []byte("Trains are late")},
		{ID: "goal", Body: []byte("1-1 at half-time")},    // an edit: the item moves to the end
		{ID: "vote", Body: []byte("The council has met")}, // the fourth item: the oldest one goes
	} {
		if err := f.PublishAs(ctx, it.ID, it.Body); err != nil {
			return err
		}
	}
	if err := f.Retract(ctx, "train"); err != nil {
		return err
	}
	return f.PublishAs(ctx, last, []byte("Good night"))
}

// A shelf is a copy of a feed, in feed order.
type shelf struct{ items []feed.Item }

// follow applies events to the copy until the last item is there.
func (s *shelf) follow(ctx context.Context, out io.Writer, sub *feed.Subscription) error {
	for {
		ev, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		switch ev.Kind {
		case feed.Snapshot, feed.Published, feed.Edited:
			s.remove(ev.ID) // an edited item moves to the end
			s.items = append(s.items, feed.Item{ID: ev.ID, Body: ev.Body})
		case feed.Retracted:
			s.remove(ev.ID)
		case feed.Lagged: // something is missing: a new snapshot follows
			s.items = nil
		}
		// What the snapshot has and what comes behind it depends on who is faster.
		if ev.Kind != feed.Snapshot && ev.Kind != feed.Synced {
			fmt.Fprintf(out, "%s %s\n", ev.Kind, ev.ID)
		}
		if ev.ID == last {
			return nil
		}
	}
}

func (s *shelf) remove(id string) {
	for i, it := range s.items {
		if it.ID == id {
			s.items = append(s.items[:i:i], s.items[i+1:]...)
			return
		}
	}
}
