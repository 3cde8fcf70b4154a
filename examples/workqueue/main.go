// Command workqueue has producers and consumers share a queue: items of normal and of
// high priority, a consumer that leaves in the middle, one that takes many at once,
// and a shutdown after which nothing is lost. All in one process: it starts the
// embedded server, so nothing has to be installed.
//
//	go run ./examples/workqueue
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/engine"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "workqueue:", err)
		os.Exit(1)
	}
}

const (
	producers = 4
	each      = 250 // items of each producer
	consumers = 8
)

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
	mail, err := eng.Queue(ctx, "mail", queue.Config{Title: "Mail to send"})
	if err != nil {
		return err
	}

	// Normal items are taken in the order in which they were put, high ones first.
	for _, word := range []string{"one", "two"} {
		if _, err := mail.Put(ctx, []byte(word)); err != nil {
			return err
		}
	}
	if _, err := mail.Put(ctx, []byte("urgent"), queue.PutOptions{Priority: queue.High}); err != nil {
		return err
	}
	for range 3 {
		it, err := mail.Get(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "got %s\n", it.Body)
	}

	// Nothing is left: a getter waits until its context ends.
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	_, err = mail.Get(short)
	cancel()
	fmt.Fprintf(out, "nobody put anything: %t\n", errors.Is(err, context.DeadlineExceeded))

	if err := work(ctx, mail); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d items were put, each was taken once\n", producers*each)

	// At shutdown getters that wait are told, and what they have not got stays.
	waiting := make(chan error, 1)
	go func() { _, err := mail.Get(ctx); waiting <- err }()
	if err := eng.Close(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "closed while a getter waits: %t\n", errors.Is(<-waiting, engine.ErrStopped))
	return nil
}

// work puts and takes from many goroutines at once.
func work(ctx context.Context, mail *queue.Queue) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var taken atomic.Int64
	done := errors.New("everything is taken")
	consume := func() error {
		// Up to ten at once; it waits for the first, and a millisecond for more.
		items, err := mail.GetUpTo(ctx, 10, time.Millisecond)
		if err == nil && taken.Add(int64(len(items))) == producers*each {
			cancel(done)
		}
		return err
	}

	var all sync.WaitGroup
	for p := range producers {
		all.Go(func() {
			var letters [][]byte
			for i := range each {
				letters = append(letters, fmt.Appendf(nil, "letter %d of %d", i, p))
			}
			if _, err := mail.PutMany(ctx, letters); err != nil { // one round trip
				cancel(err)
			}
		})
	}
	for range consumers {
		all.Go(func() {
			for {
				if err := consume(); err != nil {
					cancel(err) // the first cause counts
					return
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != done {
		return err
	}
	if n, err := mail.Len(context.WithoutCancel(ctx)); err != nil || n != 0 {
		return fmt.Errorf("%d items are left: %w", n, err)
	}
	return nil
}
