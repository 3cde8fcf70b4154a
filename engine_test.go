package thoonk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func open(t testing.TB, cfg engine.Config) *engine.Engine {
	t.Helper()
	eng, err := engine.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		assert.NoError(t, eng.Close(ctx))
	})
	return eng
}

// pair returns one feed as two engines have it.
func pair(t testing.TB, cfg feed.Config) (here, there *feed.Feed) {
	t.Helper()
	name, url := redistest.Name(t), redistest.Shared(t).URL()
	var err error
	here, err = open(t, engine.Config{URL: url}).Feed(t.Context(), name, cfg)
	require.NoError(t, err)
	there, err = open(t, engine.Config{URL: url}).Feed(t.Context(), name, feed.Config{})
	require.NoError(t, err)
	return here, there
}

// What one engine does, the other sees, and is told of.
func TestTwoEngines(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	here, there := pair(t, feed.Config{MaxLength: 3, Title: "news"})
	cfg, err := there.Config(ctx)
	require.NoError(t, err)
	assert.Equal(t, feed.Config{MaxLength: 3, Title: "news"}, cfg)

	sub, err := there.Follow(ctx, feed.FollowOptions{Snapshot: true})
	require.NoError(t, err)
	defer sub.Close()
	id, err := here.Publish(ctx, []byte("hello"))
	require.NoError(t, err)
	require.NoError(t, here.PublishAs(ctx, id, []byte("hello, all")))
	require.NoError(t, there.Retract(ctx, id))
	require.ErrorIs(t, here.Retract(ctx, id), feed.ErrNotFound)
	for i := range 4 {
		require.NoError(t, here.PublishAs(ctx, fmt.Sprint(i), nil))
	}
	ids, err := there.IDs(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2", "3"}, ids)

	items := map[string]string{}
	for e := range sub.Events() {
		switch e.Kind {
		case feed.Published, feed.Edited, feed.Snapshot:
			items[e.ID] = string(e.Body)
		case feed.Retracted:
			delete(items, e.ID)
		}
		if e.ID == "3" {
			break
		}
	}
	assert.Equal(t, map[string]string{"1": "", "2": "", "3": ""}, items)
}

// Publishing from one goroutine, alone and many at once, mixed: the ids are in
// exactly that order.
func TestOrderOfOneGoroutine(t *testing.T) {
	t.Parallel()
	total := 20000
	if os.Getenv("THOONK_FULL") != "" {
		total = 100000
	}
	here, there := pair(t, feed.Config{})
	ctx := t.Context()
	noise := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // others use the same connection and the same batches
		for i := 0; ; i++ {
			select {
			case <-noise:
				return
			default:
				_, _ = here.Len(ctx)
				_, _ = there.Len(ctx)
			}
		}
	})
	want := make([]string, 0, total)
	for n := 0; len(want) < total; n++ {
		if n%3 != 0 {
			id, err := here.Publish(ctx, []byte("x"))
			require.NoError(t, err)
			want = append(want, id)
			continue
		}
		list := make([]feed.Item, 1+(n*37)%400)
		ids, err := here.PublishMany(ctx, list)
		require.NoError(t, err)
		require.Len(t, ids, len(list))
		want = append(want, ids...)
	}
	close(noise)
	wg.Wait()
	got, err := there.IDs(ctx)
	require.NoError(t, err)
	assert.True(t, slices.Equal(want, got), "%d ids, %d published", len(got), len(want))
	unique := slices.Clone(got)
	slices.Sort(unique)
	assert.Len(t, slices.Compact(unique), len(want))
}

// Two engines publish, edit and retract at once. Each goroutine's calls on the
// feed take effect in its order, so what it last did to an id is what is there.
func TestEachInItsOrder(t *testing.T) {
	t.Parallel()
	here, there := pair(t, feed.Config{})
	const goroutines, each = 16, 150
	wants := make([]map[string]string, goroutines)
	var wg sync.WaitGroup
	for w := range goroutines {
		wants[w] = map[string]string{}
		wg.Go(func() {
			f := here
			if w%2 == 1 {
				f = there
			}
			for i := range each {
				id, body := fmt.Sprintf("w%d-%d", w, i*7%11), fmt.Sprint(i)
				if i%4 == 3 {
					_, had := wants[w][id]
					if err := f.Retract(t.Context(), id); had != (err == nil) {
						t.Errorf("retract %s: %v, it was there: %v", id, err, had)
					}
					delete(wants[w], id)
					continue
				}
				if err := f.PublishAs(t.Context(), id, []byte(body)); err != nil {
					t.Error(err)
					return
				}
				wants[w][id] = body
			}
		})
	}
	wg.Wait()
	got := map[string]string{}
	for it, err := range here.All(t.Context()) {
		require.NoError(t, err)
		got[it.ID] = string(it.Body)
	}
	want := map[string]string{}
	for _, m := range wants {
		for id, body := range m {
			want[id] = body
		}
	}
	assert.Equal(t, want, got)
}

// Redis is killed and comes back while 64 callers publish: callers that wait
// notice nothing, what was acknowledged is there once, and no error lies.
func TestServerKilledUnderLoad(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{Persist: true})
	eng := open(t, engine.Config{URL: srv.URL()})
	f, err := eng.Feed(t.Context(), "news", feed.Config{})
	require.NoError(t, err)
	sub, err := f.Follow(t.Context(), feed.FollowOptions{Snapshot: true, Mailbox: 1 << 20})
	require.NoError(t, err)
	defer sub.Close()

	const callers = 64
	var mu sync.Mutex
	published, absent := map[string]bool{}, map[string]bool{}
	var begin sync.Once
	outage, back := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for w := range callers {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if w%8 == 7 { // some have little patience
					ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				}
				err := f.PublishAs(ctx, id, []byte(id))
				cancel()
				mu.Lock()
				switch {
				case err == nil:
					published[id] = true
				case w%8 != 7:
					t.Errorf("a caller that can wait got %v", err)
				case errors.Is(err, engine.ErrNotSent) == errors.Is(err, engine.ErrOutcomeUnknown):
					t.Errorf("says neither or both: %v", err)
				case errors.Is(err, engine.ErrNotSent):
					absent[id] = true
				}
				n := len(published)
				mu.Unlock()
				if n >= 2000 {
					begin.Do(func() { close(outage) })
				}
				select {
				case <-back:
					if i > 0 && n > 4000 {
						return
					}
				default:
				}
			}
		})
	}
	<-outage
	require.NoError(t, srv.Kill())
	<-time.After(time.Second) // the outage itself
	require.NoError(t, srv.Restart(t.Context()))
	close(back)
	wg.Wait()

	ids, err := f.IDs(t.Context())
	require.NoError(t, err)
	stored := map[string]bool{}
	for _, id := range ids {
		stored[id] = true
	}
	assert.Len(t, stored, len(ids))
	for id := range published {
		assert.True(t, stored[id], "%s was acknowledged and is not there", id)
	}
	for id := range absent {
		assert.False(t, stored[id], "%s was not sent and is there", id)
	}

	// The subscriber was told that it was cut off, and ends up right.
	require.NoError(t, f.PublishAs(t.Context(), "end", nil))
	items, lagged := map[string]bool{}, false
	for e := range sub.Events() {
		switch e.Kind {
		case feed.Lagged:
			lagged = true
			clear(items)
		case feed.Retracted:
			delete(items, e.ID)
		case feed.Synced:
		default:
			items[e.ID] = true
		}
		if items["end"] && e.Kind != feed.Snapshot {
			break
		}
	}
	stored["end"] = true
	assert.True(t, lagged)
	assert.Equal(t, len(stored), len(items))
}
