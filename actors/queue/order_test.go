package queue_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// One goroutine puts 0, 1, 2, … and many take them, so many that two takes are
// under way at once. Whoever took n must never take a smaller number later: it was
// in front of n, and nobody gave anything back.
func TestNobodyGoesBackInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := context.Background()
	const getters, items = 600, 30_000
	fill := func(from, to int) {
		for ; from < to; from += 500 {
			var some [][]byte
			for i := range 500 {
				some = append(some, strconv.AppendInt(nil, int64(from+i), 10))
			}
			_, err := b.PutMany(context.Background(), some)
			require.NoError(t, err)
		}
	}
	fill(0, items/2)
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	left := items
	for range getters {
		all.Go(func() {
			for last := -1; ; {
				it, err := b.Get(ctx)
				if err != nil {
					assert.ErrorIs(t, err, context.Canceled)
					return
				}
				n, err := strconv.Atoi(string(it.Body))
				if !assert.NoError(t, err) || !assert.Greater(t, n, last, "out of order") {
					cancel()
					return
				}
				last = n
				mu.Lock()
				if left--; left == 0 {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	fill(items/2, items)
	all.Wait()
	assert.Zero(t, left)
}

// A name was a feed, and its engine has left behind which of its ordered publishes have run. Of a queue that has the name
// then, a put that was refused and is repeated, behind one that ran, counts as one that has not.
func TestNumbersOfAnotherType(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	eng := openEngine(t, engine.Config{URL: b.url})
	name := redistest.Name(t) + "-feed"
	f, err := eng.Feed(t.Context(), name, feed.Config{})
	require.NoError(t, err)
	a := f.Async(feed.AsyncOptions{})
	for range 3 {
		_, err = a.Publish(t.Context(), []byte("x"), nil)
		require.NoError(t, err)
		require.NoError(t, a.Flush(t.Context()))
	}
	require.NoError(t, eng.Delete(t.Context(), name))
	_, err = eng.Queue(t.Context(), name, queue.Config{})
	require.NoError(t, err)
	keys := []string{"feed.ids:" + name, "feed.items:" + name, "feed.publishes:" + name, "feed.config:" + name, "feed.done:" + name + ":" + eng.Instance()}
	var newest int
	_, err = fmt.Sscan(b.peer.String("GET", keys[4]), &newest)
	require.NoError(t, err)
	b.peer.Eval(queue.Put().Source(), keys, "0", strconv.Itoa(newest+2), "b", "b", "0")
	b.peer.Eval(queue.Put().Source(), keys, "1", strconv.Itoa(newest+1), "a", "a", "0")
	assert.Equal(t, int64(2), b.peer.Int("LLEN", keys[0]))
}
