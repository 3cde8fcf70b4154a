package thoonk_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// One queue, two engines and a peer that knows only the contract: each puts, and
// each takes what the others have put.
func TestQueueOfThree(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	name, url := redistest.Name(t), redistest.Shared(t).URL()
	peer := redistest.Client(t, url)
	ids, items := "feed.ids:"+name, "feed.items:"+name
	peerPut := func(id string) {
		peer.Pipeline([]any{"MULTI"}, []any{"LPUSH", ids, id}, []any{"HSET", items, id, id},
			[]any{"INCR", "feed.publishes:" + name}, []any{"EXEC"})
	}
	peerGet := func() string {
		popped := peer.Strings("BRPOP", ids, 5)
		require.Len(t, popped, 2)
		replies := peer.Pipeline([]any{"MULTI"}, []any{"HGET", items, popped[1]}, []any{"HDEL", items, popped[1]}, []any{"EXEC"})
		body, _ := replies[3].([]any)[0].(string)
		return body
	}
	var queues [2]*queue.Queue
	for i := range queues {
		var err error
		queues[i], err = open(t, engine.Config{URL: url}).Queue(ctx, name, queue.Config{Title: "mail"})
		require.NoError(t, err)
	}
	here, there := queues[0], queues[1]

	// In the order in which they were put, whoever put and whoever takes.
	_, err := here.Put(ctx, []byte("1"))
	require.NoError(t, err)
	peerPut("2")
	_, err = there.Put(ctx, []byte("3"))
	require.NoError(t, err)
	_, err = there.Put(ctx, []byte("first"), queue.PutOptions{Priority: queue.High})
	require.NoError(t, err)
	n, err := here.Len(ctx)
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	assert.Equal(t, "first", peerGet())
	it, err := there.Get(ctx)
	require.NoError(t, err)
	assert.Equal(t, "1", string(it.Body))
	it, err = here.TryGet(ctx)
	require.NoError(t, err)
	assert.Equal(t, queue.Item{ID: "2", Body: []byte("2")}, it)
	assert.Equal(t, "3", peerGet())
	_, err = here.TryGet(ctx)
	assert.ErrorIs(t, err, queue.ErrEmpty)
	assert.Equal(t, "4", peer.String("GET", "feed.publishes:"+name))

	// All at once: each item goes to one of them.
	const each = 300
	var mu sync.Mutex
	got := map[string]int{}
	note := func(body string) {
		mu.Lock()
		defer mu.Unlock()
		got[body]++
	}
	taking, stop := context.WithCancel(ctx)
	var puts, takes sync.WaitGroup
	for i, q := range queues {
		puts.Go(func() {
			for n := range each {
				_, err := q.Put(ctx, fmt.Appendf(nil, "%d-%d", i, n))
				assert.NoError(t, err)
			}
		})
		for range 5 {
			takes.Go(func() {
				for {
					it, err := q.Get(taking)
					if err != nil {
						assert.ErrorIs(t, err, context.Canceled)
						return
					}
					note(string(it.Body))
				}
			})
		}
	}
	for n := range each {
		peerPut("p" + strconv.Itoa(n))
		if n%3 == 0 {
			if id := peer.String("RPOP", ids); id != "" {
				note(peer.String("HGET", items, id))
				peer.Do("HDEL", items, id)
			}
		}
	}
	puts.Wait()
	redistest.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == 3*each
	}, "all are taken")
	stop()
	takes.Wait()
	for body, n := range got {
		assert.Equal(t, 1, n, body)
	}
	assert.Zero(t, peer.Int("HLEN", items))
	assert.Equal(t, strconv.Itoa(3*each+4), peer.String("GET", "feed.publishes:"+name))
}
