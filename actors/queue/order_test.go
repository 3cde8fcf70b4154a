package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
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

// Of two parts that are under way, the first is refused, and the answer to the second is lost. It cannot have run, for it
// had to run behind the first: so it is sent again behind it.
func TestOrderOfRefusedAndLost(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	b := benchOn(t, openEngine(t, engine.Config{URL: proxy.URL()}), srv.URL())
	admin := redistest.Client(t, srv.URL())
	const n = 2*wire.MaxBatch + 10 // the first part goes alone
	list := make([][]byte, n)
	for i := range list {
		list[i] = fmt.Appendf(nil, "<%d>", i)
	}
	both := 0
	for range 20 {
		proxy.Delay(20 * time.Millisecond)
		firsts, seconds, thirds := 0, 0, 0
		proxy.OnRequest(func(_ int, raw []byte) {
			switch {
			case bytes.Contains(raw, list[0]):
				if firsts++; firsts > 1 { // it was refused already
					admin.Do("CONFIG", "SET", "min-replicas-to-write", "0")
				}
			case bytes.Contains(raw, list[wire.MaxBatch]):
				seconds++
				admin.Do("CONFIG", "SET", "min-replicas-to-write", []string{"0", "1"}[min(seconds, 2)%2])
			case bytes.Contains(raw, list[n-1]):
				if thirds++; thirds == 1 && seconds == 1 {
					both++
				}
				admin.Do("CONFIG", "SET", "min-replicas-to-write", "0")
			}
		})
		lost := proxy.SwallowNext(list[n-1])
		_, err := b.PutMany(t.Context(), list)
		require.NoError(t, err)
		within(t, lost, "the answer is lost")
		proxy.OnRequest(nil)
		proxy.Delay(0)
		for i := 0; i < n; {
			items, err := b.GetUpTo(t.Context(), n-i, 0)
			require.NoError(t, err)
			for _, it := range items {
				require.Equal(t, string(list[i]), string(it.Body))
				i++
			}
		}
	}
	require.Positive(t, both, "both were never under way")
}
