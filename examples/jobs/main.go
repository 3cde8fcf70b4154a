// Command jobs puts jobs, has a handler do them, and shows what becomes of those
// that fail: they are tried again, and put aside after some failures, until somebody
// retries them. It starts the embedded server, so nothing has to be installed.
//
//	go run ./examples/jobs
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/pool"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "jobs:", err)
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

	// After three failures in a row a job is put aside. The back-off is short here.
	shout, err := eng.Jobs(ctx, "shout", job.Config{
		Timeout: time.Minute, MaxFailures: 3, MinBackoff: 10 * time.Millisecond,
	})
	if err != nil {
		return err
	}

	// The handler is a function. Its error is a failure, nil finishes the job.
	var microphone atomic.Bool
	handler := func(ctx context.Context, c *job.Claim) ([]byte, error) {
		if strings.HasPrefix(string(c.Body), "loud") && !microphone.Load() {
			return nil, errors.New("no microphone")
		}
		return []byte(strings.ToUpper(string(c.Body))), nil
	}
	if err := eng.Handle(ctx, shout, handler, pool.Options{Workers: 4}); err != nil {
		return err
	}

	// A result is announced to those who wait, and kept for a while.
	id, err := shout.Put(ctx, []byte("hello"))
	if err != nil {
		return err
	}
	result, err := shout.Wait(ctx, id)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "result: %s\n", result)

	// This one cannot be done yet.
	id, err = shout.Put(ctx, []byte("loud and clear"), job.PutOptions{ID: "announcement"})
	if err != nil {
		return err
	}
	if _, err := shout.Wait(ctx, id); !errors.Is(err, job.ErrStalled) {
		return fmt.Errorf("want a stalled job, got %w", err)
	}
	info, err := shout.Info(ctx, id)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is %s: %s\n", id, info.State, info.Error)

	// A person has a look, helps, and has it tried again.
	microphone.Store(true)
	if err := shout.Retry(ctx, id); err != nil {
		return err
	}
	if result, err = shout.Wait(ctx, id); err != nil {
		return err
	}
	fmt.Fprintf(out, "result: %s\n", result)

	stats, err := shout.Stats(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d jobs, %d runs, %d failures\n", stats.Put, stats.Started, stats.Failed)
	return nil
}
