// Command quickstart publishes to a feed, follows it, edits and retracts, all in
// one process: it starts the embedded server, so nothing has to be installed.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/engine"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	srv, err := embedded.Start()
	if err != nil {
		return err
	}
	defer srv.Close()
	eng, err := engine.Open(ctx, engine.Config{URL: srv.URL()})
	if err != nil {
		return err
	}
	defer eng.Close(ctx)

	// The feed is created if it does not exist.
	news, err := eng.Feed(ctx, "news", feed.Config{Title: "News", MaxLength: 100})
	if err != nil {
		return err
	}
	id, err := news.Publish(ctx, []byte("hello"))
	if err != nil {
		return err
	}

	// A snapshot begins with what is there; Synced marks its end. What happens
	// from then on follows, without a gap and without a duplicate.
	sub, err := news.Follow(ctx, feed.FollowOptions{Snapshot: true})
	if err != nil {
		return err
	}
	defer sub.Close()
	if err := show(ctx, out, sub, feed.Synced); err != nil {
		return err
	}

	if err := news.PublishAs(ctx, id, []byte("hello, world")); err != nil { // an edit
		return err
	}
	if _, err := news.Publish(ctx, []byte("good evening")); err != nil {
		return err
	}
	if err := news.Retract(ctx, id); err != nil {
		return err
	}
	if err := show(ctx, out, sub, feed.Retracted); err != nil {
		return err
	}

	fmt.Fprintln(out, "in the feed now:")
	for it, err := range news.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", it.Body)
	}
	return nil
}

// show prints events, up to the first of a kind.
func show(ctx context.Context, out io.Writer, sub *feed.Subscription, last feed.EventKind) error {
	for {
		ev, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		switch ev.Kind {
		case feed.Snapshot, feed.Published, feed.Edited:
			fmt.Fprintf(out, "%s: %s\n", ev.Kind, ev.Body)
		default: // Synced, Retracted; Lagged, which needs a slow reader or a lost connection
			fmt.Fprintln(out, ev.Kind)
		}
		if ev.Kind == last {
			return nil
		}
	}
}
