// Command asynq drives github.com/hibiken/asynq for the load tester: see cmd/bench/internal/driver. It is a module of its
// own, so that nobody who uses the library has to know of asynq.
//
// Its settings are the fastest sensible ones that we found. Enqueue is called by all callers on one client, whose pool has
// 64 connections: with the default of 10 per core it is slower, with 256 no faster. Workers are spread over -servers, one
// by default: a server takes one task after the other from Redis, so more of them take more. They look for tasks, and for
// tasks that have become due, every 10 ms where asynq's defaults are 1 s and 5 s; asynq polls, so an idle worker's latency
// is about as much. Nothing is retained.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/hibiken/asynq"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
)

var servers = flag.Int("servers", 1, "that share the workers")

func main() {
	flag.Parse()
	if err := driver.Serve(context.Background(), os.Stdin, os.Stdout, open); err != nil {
		fmt.Fprintln(os.Stderr, "asynq driver:", err)
		os.Exit(1)
	}
}

// taskType is that of all tasks.
const taskType = "bench"

// poll is how often the server looks for tasks when it has found none.
const poll = 10 * time.Millisecond

// A bench is one queue, and what has become of its tasks.
type bench struct {
	driver.Setup
	client  *asynq.Client // behind -rtt
	filler  *asynq.Client
	running []*asynq.Server
	filled  *work
}

func open(_ context.Context, s driver.Setup) (driver.Hello, driver.Handler, error) {
	b := &bench{Setup: s}
	b.client, b.filler = asynq.NewClient(b.redis(s.Far)), asynq.NewClient(b.redis(s.Near))
	return driver.Hello{Version: version(), Runtime: runtime.Version()}, b.handle, b.client.Ping()
}

func (b *bench) redis(at driver.Address) asynq.RedisClientOpt {
	return asynq.RedisClientOpt{
		Network: at.Network, Addr: at.Addr, Username: at.User, Password: at.Password, DB: at.DB,
		PoolSize: max(10*runtime.NumCPU(), 64), ReadTimeout: time.Minute,
	}
}

func (b *bench) handle(ctx context.Context, r driver.Request) (driver.Reply, error) {
	switch r.Do {
	case driver.Put:
		return b.put(ctx, r)
	case driver.Fill:
		return b.fill(ctx, r.Jobs)
	case driver.Run:
		return b.run(driver.Seconds(r.Seconds))
	case driver.End:
		b.shutdown()
		return driver.Reply{Ops: b.filled.ran.Load()}, b.filled.failed()
	case driver.PickUp:
		return b.pickUp(ctx, r)
	case driver.Delayed:
		return b.delayed(ctx, r)
	}
	return driver.Reply{}, fmt.Errorf("asynq cannot be asked to %q", r.Do)
}

// enqueue puts task n.
func (b *bench) enqueue(ctx context.Context, c *asynq.Client, n int, opts ...asynq.Option) error {
	task := asynq.NewTask(taskType, []byte(b.Payloads[n%len(b.Payloads)]))
	_, err := c.EnqueueContext(ctx, task, append(opts, asynq.Queue(b.Queue))...)
	return err
}

// serve starts the servers with that many workers together.
func (b *bench) serve(workers int, handle asynq.HandlerFunc) error {
	for n := range min(*servers, workers) {
		s := asynq.NewServer(b.redis(b.Far), asynq.Config{
			Concurrency:              (workers + n) / min(*servers, workers),
			Queues:                   map[string]int{b.Queue: 1},
			TaskCheckInterval:        poll,
			DelayedTaskCheckInterval: poll,
			LogLevel:                 asynq.ErrorLevel,
		})
		if err := s.Start(handle); err != nil {
			return err
		}
		b.running = append(b.running, s)
	}
	return nil
}

// shutdown ends the servers; each waits for those tasks that run.
func (b *bench) shutdown() {
	for _, s := range b.running {
		s.Shutdown()
	}
	b.running = nil
}

// version is the one of asynq that was built in.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/hibiken/asynq" {
				return m.Version
			}
		}
	}
	return "unknown"
}
