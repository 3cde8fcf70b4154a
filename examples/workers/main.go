// Command workers shares a job set between several processes, kills one of them, and
// shows that the others do its jobs. It starts the processes itself, and needs a
// redis-server, for the embedded one lives inside a process:
//
//	redis-server --port 6379 &
//	go run ./examples/workers -redis redis://localhost:6379/0
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/pool"
)

const (
	processes = 3
	slots     = 4 // of each
	total     = 60
)

func main() {
	if isWorker() {
		return
	}
	url := flag.String("redis", "redis://localhost:6379/0", "the redis-server to use")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *url, "workers-"+uuid.NewString()); err != nil {
		fmt.Fprintln(os.Stderr, "workers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, url, name string) error {
	eng, err := engine.Open(ctx, engine.Config{URL: url})
	if err != nil {
		return fmt.Errorf("this example needs a redis-server, see -redis: %w", err)
	}
	defer eng.Close(ctx)
	jobs, err := eng.Jobs(ctx, name, job.Config{})
	if err != nil {
		return err
	}
	defer eng.Delete(ctx, name)
	put, err := jobs.PutMany(ctx, make([][]byte, total))
	if err != nil {
		return err
	}

	var workers []*exec.Cmd
	defer func() {
		for _, w := range workers {
			_ = w.Process.Kill()
			_ = w.Wait()
		}
	}()
	for n := range processes {
		w, err := start(url, name, n)
		if err != nil {
			return err
		}
		workers = append(workers, w)
	}

	// The first process is killed in the middle of its work.
	if err := until(ctx, jobs, func(c job.Counts) bool { return c.Finished >= total/4 }); err != nil {
		return err
	}
	if err := workers[0].Process.Kill(); err != nil {
		return err
	}
	fmt.Fprintln(out, "worker 0 is killed")
	if err := until(ctx, jobs, func(c job.Counts) bool { return c.Finished == total }); err != nil {
		return err
	}
	fmt.Fprintf(out, "all %d jobs are done\n", total)

	by := map[string]int{}
	for _, o := range put {
		info, err := jobs.Info(ctx, o.ID)
		if err != nil {
			return err
		}
		by[string(info.Result)]++
	}
	for _, who := range []string{"worker 0", "worker 1", "worker 2"} {
		fmt.Fprintf(out, "by %s: %d\n", who, by[who])
	}
	fmt.Fprintf(out, "by others after worker 0 had begun with them: %d\n", by["worker 1, again"]+by["worker 2, again"])
	return nil
}

// until looks ten times a second how far the jobs are.
func until(ctx context.Context, jobs *job.Jobs, done func(job.Counts) bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := jobs.Counts(ctx)
		if err != nil || done(c) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A worker is this program again, with this variable set to "<number> <job set>
// <url>". It ends with its standard input, so with the process that started it.
const workerEnv = "THOONK_EXAMPLE_WORKER"

func start(url, name string, n int) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := exec.Command(exe)
	w.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s %s", workerEnv, n, name, url))
	w.Stderr = os.Stderr
	if _, err := w.StdinPipe(); err != nil {
		return nil, err
	}
	return w, w.Start()
}

// isWorker does a worker's work in a process that is to be one.
func isWorker() bool {
	words := strings.SplitN(os.Getenv(workerEnv), " ", 3)
	if len(words) != 3 {
		return false
	}
	if err := work(context.Background(), words[2], words[1], "worker "+words[0]); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	return true
}

func work(ctx context.Context, url, name, who string) error {
	// A short lease, so that one does not have to wait for long; 10 s is the default.
	eng, err := engine.Open(ctx, engine.Config{URL: url, Lease: time.Second})
	if err != nil {
		return err
	}
	jobs, err := eng.Jobs(ctx, name, job.Config{})
	if err != nil {
		return errors.Join(err, eng.Close(ctx))
	}
	err = eng.Handle(ctx, jobs, func(ctx context.Context, c *job.Claim) ([]byte, error) {
		select {
		case <-time.After(100 * time.Millisecond): // hard work
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if c.Failures > 0 {
			return []byte(who + ", again"), nil
		}
		return []byte(who), nil
	}, pool.Options{Workers: slots})
	if err == nil {
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	return errors.Join(err, eng.Close(ctx))
}
