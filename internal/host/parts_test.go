package host

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/wire"
)

type countedPart struct {
	actor.Reply[int]
	n int
}

// Parts of one call run in their order, also when an idle actor ends between two of them. The owner does what wire.Loop
// does at its end: it handles what is in the inbox, and Exit refuses what comes behind that.
func TestPartsOverIdleActors(t *testing.T) {
	var ran []int // of the one owner at a time
	set := &actor.Set[*countedPart]{Inbox: Inbox, Patience: time.Minute}
	set.Start = func(_ string, box *actor.Mailbox[*countedPart]) {
		defer box.Exit(func(c *countedPart) { c.Resolve(0, actor.ErrStopped) })
		handle := func(c *countedPart) {
			c.Begin()
			ran = append(ran, c.n)
			c.Resolve(c.n, nil)
		}
		for {
			select {
			case c := <-box.In():
				box.Touch()
				handle(c)
			case <-box.Quit():
				for len(box.In()) > 0 {
					handle(<-box.In())
				}
				return
			}
		}
	}
	var stop atomic.Bool
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		for !stop.Load() {
			set.Sweep(time.Now())
			runtime.Gosched()
		}
	}()
	defer func() { stop.Store(true); <-swept; set.Close() }()
	h := set.Handle("n")
	const parts = 50
	for round, start := 0, time.Now(); time.Since(start) < 3*time.Second; round++ { // it is a matter of luck
		ran = ran[:0]
		err := SendParts(context.Background(), h, parts,
			func(int) int { return wire.MaxBatchSize },
			func(from, _ int) (*countedPart, error) {
				c := &countedPart{n: from}
				c.Init()
				return c, nil
			},
			func(_, _ int, _ int, err error) error { return err })
		require.NoError(t, err)
		for i, n := range ran {
			require.Equal(t, i, n, "round %d: %v", round, ran)
		}
	}
}
