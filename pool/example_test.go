package pool_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/pool"
)

// A fetcher takes slots first, and then as much work as it has slots for.
func Example() {
	p := pool.New(8)
	defer p.Close()
	thumbs := p.Group(pool.Options{
		Workers: 4,
		OnStuck: func(s pool.Stuck) { fmt.Printf("%s does not end:\n%s", s.Name, s.Stack) },
	})
	free := make(chan struct{}, 1)
	thumbs.OnFree(func() { // must not block
		select {
		case free <- struct{}{}:
		default:
		}
	})

	work := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	var sum atomic.Int64
	for {
		slots := thumbs.TryAcquire(4)
		fetched := work[:min(slots, len(work))]
		work = work[len(fetched):]
		for _, n := range fetched {
			thumbs.Go(pool.Task{
				Name:    fmt.Sprint("thumb ", n),
				Timeout: time.Minute,
				Do: func(ctx context.Context) error {
					sum.Add(int64(n))
					return ctx.Err()
				},
				Done: func(err error) {
					if err != nil {
						fmt.Println(err)
					}
				},
			})
		}
		if len(work) == 0 {
			thumbs.TryAcquire(0) // no more work: wait for no slot
			thumbs.Release(slots - len(fetched))
			break
		}
		if slots < 4 {
			<-free
		}
	}
	if err := p.Wait(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(sum.Load())
	// Output: 55
}
