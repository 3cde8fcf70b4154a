package queue_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// workerURL and workerQueue make the test binary be a worker process.
const (
	workerURL   = "THOONK_TEST_WORKER_URL"
	workerQueue = "THOONK_TEST_WORKER_QUEUE"
)

// workerGetters is how many getters a worker process has.
const workerGetters = 8

func TestMain(m *testing.M) {
	if url := os.Getenv(workerURL); url != "" {
		work(url, os.Getenv(workerQueue))
	}
	redistest.Main(m)
}

// work takes items and writes their bodies to standard output, one a line, until
// it is killed.
func work(url, name string) {
	ctx := context.Background()
	eng, err := engine.Open(ctx, engine.Config{URL: url, CheckEvery: time.Hour})
	if err != nil {
		panic(err)
	}
	q, err := eng.Queue(ctx, name, queue.Config{})
	if err != nil {
		panic(err)
	}
	var out sync.Mutex
	w := bufio.NewWriter(os.Stdout)
	for range workerGetters {
		go func() {
			for {
				it, err := q.Get(ctx)
				if err != nil {
					panic(err)
				}
				out.Lock()
				fmt.Fprintf(w, "%s\n", it.Body)
				_ = w.Flush()
				out.Unlock()
			}
		}()
	}
	select {}
}
