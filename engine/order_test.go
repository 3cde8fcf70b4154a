package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// What is sent without waiting stays in its order where Redis refuses one batch and runs the next one, which is on its way
// already: a refusal that passes, and scripts that are forgotten and that another engine teaches again.
func TestOrderOverRefusals(t *testing.T) {
	t.Parallel()
	const n = 60_000
	type item struct {
		put   func(ctx context.Context, body []byte) error
		flush func(ctx context.Context) error
	}
	one := func(f func(context.Context, []byte, func(string, error)) (string, error)) func(context.Context, []byte) error {
		return func(ctx context.Context, body []byte) error {
			_, err := f(ctx, body, nil)
			return err
		}
	}
	many := func(put func(bodies [][]byte) error) item {
		var all [][]byte
		return item{
			put:   func(_ context.Context, body []byte) error { all = append(all, body); return nil },
			flush: func(context.Context) error { return put(all) },
		}
	}
	ctx := context.Background()
	for name, begin := range map[string]func(t *testing.T, eng *engine.Engine) item{
		"feed": func(t *testing.T, eng *engine.Engine) item {
			f, err := eng.Feed(ctx, "x", feed.Config{})
			require.NoError(t, err)
			a := f.Async(feed.AsyncOptions{})
			return item{one(a.Publish), a.Flush}
		},
		"queue": func(t *testing.T, eng *engine.Engine) item {
			q, err := eng.Queue(ctx, "x", queue.Config{})
			require.NoError(t, err)
			a := q.Async(queue.AsyncOptions{})
			return item{one(func(ctx context.Context, body []byte, done func(string, error)) (string, error) {
				return a.Put(ctx, body, done)
			}), a.Flush}
		},
		"queue, PutMany": func(t *testing.T, eng *engine.Engine) item {
			q, err := eng.Queue(ctx, "x", queue.Config{})
			require.NoError(t, err)
			return many(func(bodies [][]byte) error { _, err := q.PutMany(ctx, bodies); return err })
		},
		"job set": func(t *testing.T, eng *engine.Engine) item {
			j, err := eng.Jobs(ctx, "x", job.Config{})
			require.NoError(t, err)
			a := j.Async(job.AsyncOptions{})
			return item{one(func(ctx context.Context, body []byte, done func(string, error)) (string, error) {
				return a.Put(ctx, body, done)
			}), a.Flush}
		},
		"job set, PutMany": func(t *testing.T, eng *engine.Engine) item {
			j, err := eng.Jobs(ctx, "x", job.Config{})
			require.NoError(t, err)
			return many(func(bodies [][]byte) error { _, err := j.PutMany(ctx, bodies); return err })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Private(t, redisserver.Options{})
			peer := redistest.Client(t, srv.URL())
			eng := open(t, engine.Config{URL: srv.URL()})
			x := begin(t, eng)
			stop, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ended)
				admin := redistest.Client(t, srv.URL())
				tick := time.NewTicker(5 * time.Millisecond)
				defer tick.Stop()
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					case <-tick.C:
					}
					if i%2 == 0 {
						admin.Do("CONFIG", "SET", "min-replicas-to-write", "1")
						admin.Do("CONFIG", "SET", "min-replicas-to-write", "0")
						continue
					}
					admin.Do("SCRIPT", "FLUSH")
					for _, s := range slices.Concat(feed.Scripts(), queue.Scripts(), job.Scripts()) {
						admin.Do("SCRIPT", "LOAD", s.Source())
					}
				}
			}()
			for i := range n {
				require.NoError(t, x.put(ctx, fmt.Append(nil, i)))
			}
			assert.NoError(t, x.flush(ctx))
			close(stop)
			<-ended
			s := eng.Stats()
			assert.Positive(t, s.Feeds.Retries+s.Queues.Retries+s.Jobs.Retries, "nothing was refused, so nothing is shown")
			var ids []string
			if name == "feed" {
				ids = peer.Strings("ZRANGE", "feed.ids:x", 0, -1)
			} else {
				ids = peer.Strings("LRANGE", "feed.ids:x", 0, -1)
				slices.Reverse(ids)
			}
			require.Len(t, ids, n)
			i := 0
			for some := range slices.Chunk(ids, 1000) {
				args := []any{"HMGET", "feed.items:x"}
				for _, id := range some {
					args = append(args, id)
				}
				for _, body := range peer.Strings(args...) {
					require.Equal(t, fmt.Sprint(i), body, "in the place of %d", i)
					i++
				}
			}
		})
	}
}
