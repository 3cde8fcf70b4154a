package feed_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
)

// Reading over more than three pages gives everything once, in both directions,
// with equal scores at the borders of pages, and without ids that have no item.
func TestPaging(t *testing.T) {
	t.Parallel()
	for _, scores := range []string{"i", "0", "math.floor(i / 700)", "-i", "1600000000000 + i / 3"} {
		t.Run(scores, func(t *testing.T) {
			t.Parallel()
			const n = 3500
			b := newBench(t, feed.Config{})
			b.peer.Eval(`for i = 0, ARGV[1] - 1 do
				local id = string.format('i%04d', i)
				redis.call('ZADD', KEYS[1], string.format('%.3f', `+scores+`), id)
				if i % 100 ~= 99 then redis.call('HSET', KEYS[2], id, i) end
			end`, []string{"feed.ids:" + b.name, "feed.items:" + b.name}, n)
			order := b.peer.Strings("ZRANGE", "feed.ids:"+b.name, 0, -1)
			require.Len(t, order, n)
			var want []feed.Item
			for _, id := range order {
				var i int
				_, err := fmt.Sscanf(id, "i%d", &i)
				require.NoError(t, err)
				if i%100 != 99 {
					want = append(want, feed.Item{ID: id, Body: fmt.Append(nil, i)})
				}
			}

			ids, err := b.IDs(t.Context())
			require.NoError(t, err)
			assert.True(t, slices.Equal(order, ids), "ids")
			assert.Equal(t, text(want), text(all(t, b.Feed)))
			for _, k := range []int{0, 1, 31, 32, 33, 999, 1000, 1001, 3465, 5000} {
				oldest, err := b.Oldest(t.Context(), k)
				require.NoError(t, err)
				assert.Equal(t, text(want[:min(k, len(want))]), text(oldest), "oldest %d", k)
				newest, err := b.Newest(t.Context(), k)
				require.NoError(t, err)
				slices.Reverse(newest)
				assert.Equal(t, text(want[len(want)-min(k, len(want)):]), text(newest), "newest %d", k)
			}
		})
	}
}

// A walk stops when its reader does, and goes on where it is after the item that
// the cursor stands on has gone, also among items of the same score.
func TestCursorWithoutItsItem(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"retracted", "edited"} {
		for _, equal := range []bool{true, false} {
			t.Run(fmt.Sprint(what, equal), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, feed.Config{})
				b.peer.Eval(`for i = 0, 99 do
					local id = string.format('i%04d', i)
					redis.call('ZADD', KEYS[1], 1600000000000 + (ARGV[1] == '1' and 0 or i), id)
					redis.call('HSET', KEYS[2], id, i)
				end`, []string{"feed.ids:" + b.name, "feed.items:" + b.name}, equal)
				var seen []string
				for it, err := range b.All(t.Context()) {
					require.NoError(t, err)
					seen = append(seen, it.ID)
					if len(seen) == 1 {
						// The first page is in our hands; the items at its end, on which the
						// cursor stands, go, whatever the page's size is.
						for i := 10; i < 60; i++ {
							id := fmt.Sprintf("i%04d", i)
							if what == "retracted" {
								require.NoError(t, b.Retract(t.Context(), id))
							} else {
								require.NoError(t, b.PublishAs(t.Context(), id, nil))
							}
						}
					}
				}
				want := numbered("i", 100)
				for _, id := range append(slices.Clone(want[:10]), want[60:]...) {
					assert.Equal(t, 1, count(seen, id), "%s stayed in its place", id)
				}
				for _, id := range want[10:60] {
					if what == "edited" {
						assert.Contains(t, seen, id)
					}
					assert.LessOrEqual(t, count(seen, id), 2)
				}
			})
		}
	}
	t.Run("the reader stops", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, feed.Config{})
		b.seed(abc...)
		for it, err := range b.All(t.Context()) {
			require.NoError(t, err)
			assert.Equal(t, "a", it.ID)
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n := 0
		for _, err := range b.All(ctx) {
			assert.ErrorIs(t, err, context.Canceled)
			n++
		}
		assert.Equal(t, 1, n, "the error is the last thing")
	})
}

func count(list []string, v string) (n int) {
	for _, w := range list {
		if w == v {
			n++
		}
	}
	return n
}

// Whatever stays in the feed is seen exactly once by each kind of walk, however
// much else happens meanwhile.
func TestPagingWhileItChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	var list []feed.Item
	for i := range 4000 {
		list = append(list, feed.Item{ID: fmt.Sprintf("i%04d", i)})
	}
	_, err := b.PublishMany(t.Context(), list)
	require.NoError(t, err)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() { // each worries the numbers that are w modulo 8
			for i := w; ctx.Err() == nil; i = (i + 8) % 4000 {
				id := fmt.Sprintf("i%04d", i)
				if i%16 < 8 {
					_ = b.Retract(ctx, id)
				}
				_ = b.PublishAs(ctx, id, nil)
			}
		})
	}
	var want []string
	for i, id := range numbered("i", 4000) {
		if i%8 >= 4 {
			want = append(want, id)
		}
	}
	stay := func(ids []string) []string {
		return slices.DeleteFunc(ids, func(id string) bool {
			var i int
			_, _ = fmt.Sscanf(id, "i%d", &i)
			return i%8 < 4
		})
	}
	names := func(items []feed.Item) (ids []string) {
		for _, it := range items {
			ids = append(ids, it.ID)
		}
		return ids
	}
	for range 5 {
		ids, err := b.IDs(t.Context())
		require.NoError(t, err)
		require.True(t, slices.Equal(want, stay(ids)), "IDs")
		require.True(t, slices.Equal(want, stay(names(all(t, b.Feed)))), "All")
		newest, err := b.Newest(t.Context(), 10000)
		require.NoError(t, err)
		slices.Reverse(newest)
		require.True(t, slices.Equal(want, stay(names(newest))), "Newest")
	}
	stop()
	wg.Wait()
}

func TestGet(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	b.seed(abc...)
	b.seed("ZADD feed.ids:X 1600000000004 bare", "HSET feed.items:X loose 5")
	for id, want := range map[string]struct {
		body string
		get  error
		has  bool
	}{
		"a":     {"1", nil, true},
		"z":     {"", feed.ErrNotFound, false},
		"bare":  {"", feed.ErrNotFound, true}, // an id without an item
		"loose": {"5", nil, false},            // an item without an id
	} {
		body, err := b.Get(t.Context(), id)
		assert.ErrorIs(t, err, want.get, id)
		assert.Equal(t, want.body, string(body), id)
		has, err := b.Has(t.Context(), id)
		assert.NoError(t, err)
		assert.Equal(t, want.has, has, id)
	}
	n, err := b.Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 4, n)

	found, err := b.GetMany(t.Context(), []string{"c", "z", "a", "bare", "c"})
	require.NoError(t, err)
	assert.Equal(t, "c=3 a=1 c=3", text(found))
	found, err = b.GetMany(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, found)
}

// More ids than go into one call, in any order, some missing, some twice.
func TestGetManyMany(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	b.seedMany(1000)
	var ids, want []string
	for i := 1200; i >= 0; i-- {
		id := fmt.Sprintf("old%04d", i)
		ids = append(ids, id, id)
		if i < 1000 {
			want = append(want, id, id)
		}
	}
	found, err := b.GetMany(t.Context(), ids)
	require.NoError(t, err)
	var got []string
	for _, it := range found {
		got = append(got, it.ID)
		require.Equal(t, it.ID, fmt.Sprintf("old%04s", it.Body))
	}
	assert.Equal(t, want, got)
}
