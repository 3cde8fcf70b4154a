package queue_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
