package feed_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
)

// Items are published in the order of acceptance; an id that exists is edited; a bounded
// feed keeps its bound.
func TestAsyncPublishes(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{MaxLength: 300})
	a := b.Async(feed.AsyncOptions{})
	n := 0
	for i := range 1000 {
		require.NoError(t, a.PublishAs(t.Context(), fmt.Sprint("id", i%500), fmt.Append(nil, i), func(id string, err error) {
			assert.NoError(t, err)
			assert.Equal(t, fmt.Sprint("id", n%500), id)
			n++
		}))
	}
	require.NoError(t, a.Flush(t.Context()))
	assert.Equal(t, 1000, n)
	list := all(t, b.Feed)
	require.Len(t, list, 300)
	for i, it := range list {
		require.Equal(t, fmt.Sprint(700+i), string(it.Body))
	}
	id, err := a.Publish(t.Context(), []byte("last"), nil)
	require.NoError(t, err)
	require.NoError(t, a.Flush(t.Context()))
	body, err := b.Get(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "last", string(body))
	assert.ErrorIs(t, a.PublishAs(t.Context(), "", nil, nil), engine.ErrNotSent)
}
