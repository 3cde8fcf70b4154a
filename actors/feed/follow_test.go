package feed_test

import (
	"context"
	"fmt"
	"strconv"
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

// next returns the next event as text: "published a=1", "lagged 3".
func next(t testing.TB, sub *feed.Subscription) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	e, err := sub.Next(ctx)
	require.NoError(t, err)
	return eventText(e)
}

func eventText(e feed.Event) string {
	switch e.Kind {
	case feed.Lagged:
		return fmt.Sprintf("%v %d", e.Kind, e.Missed)
	case feed.Synced:
		return e.Kind.String()
	case feed.Retracted:
		return fmt.Sprintf("%v %s", e.Kind, e.ID)
	}
	return fmt.Sprintf("%v %s=%s", e.Kind, e.ID, e.Body)
}

func follow(t testing.TB, f *feed.Feed, o feed.FollowOptions) *feed.Subscription {
	t.Helper()
	sub, err := f.Follow(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sub.Close() })
	return sub
}

func TestFollowKinds(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	b := newBench(t, feed.Config{MaxLength: 2})
	sub := follow(t, b.Feed, feed.FollowOptions{})
	require.NoError(t, b.PublishAs(ctx, "a", []byte("1")))
	require.NoError(t, b.PublishAs(ctx, "b", nil))
	require.NoError(t, b.PublishAs(ctx, "a", []byte("\x002")))
	require.NoError(t, b.PublishAs(ctx, "c", []byte("3")))
	require.NoError(t, b.Retract(ctx, "a"))
	b.peer.Do("PUBLISH", "feed.publish:"+b.name, "no NUL") // tolerated (contract 1)
	b.peer.Do("PUBLISH", "feed.retract:"+b.name, "never\x00seen")
	b.peer.Do("PUBLISH", "feed.edit:"+b.name, "")
	for _, want := range []string{"published a=1", "published b=", "edited a=\x002", "retracted b", "published c=3", "retracted a",
		"published no NUL=", "retracted never", "edited ="} {
		assert.Equal(t, want, next(t, sub))
	}
}

func TestFollowOne(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	b := newBench(t, feed.Config{})
	before := follow(t, b.Feed, feed.FollowOptions{})
	require.NoError(t, b.PublishAs(ctx, "a", []byte("1")))
	require.NoError(t, b.PublishAs(ctx, "b", []byte("2")))
	for _, want := range []string{"published a=1", "published b=2"} { // in a cluster they may be on their way still
		require.Equal(t, want, next(t, before))
	}
	for _, snapshot := range []bool{true, false} {
		sub := follow(t, b.Feed, feed.FollowOptions{ID: "b", Snapshot: snapshot})
		if snapshot {
			assert.Equal(t, "snapshot b=2", next(t, sub))
			assert.Equal(t, "synced", next(t, sub))
		}
		require.NoError(t, b.PublishAs(ctx, "a", []byte("3")))
		require.NoError(t, b.Retract(ctx, "b"))
		require.NoError(t, b.PublishAs(ctx, "b", []byte("2")))
		assert.Equal(t, "retracted b", next(t, sub))
		assert.Equal(t, "published b=2", next(t, sub))
	}
	// One that is not there yet.
	sub := follow(t, b.Feed, feed.FollowOptions{ID: "later", Snapshot: true})
	assert.Equal(t, "synced", next(t, sub))
	require.NoError(t, b.PublishAs(ctx, "later", []byte("9")))
	assert.Equal(t, "published later=9", next(t, sub))
	// One whose item is missing.
	b.seed("ZADD feed.ids:X 1 bare")
	sub = follow(t, b.Feed, feed.FollowOptions{ID: "bare", Snapshot: true})
	assert.Equal(t, "synced", next(t, sub))
}

func TestFollowPattern(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	b := newBench(t, feed.Config{})
	sub, err := b.eng.FollowFeeds(ctx, b.name+".?", feed.FollowOptions{})
	require.NoError(t, err)
	defer sub.Close()
	for _, suffix := range []string{".1", ".22", ".3"} {
		f, err := b.eng.Feed(ctx, b.name+suffix, feed.Config{})
		require.NoError(t, err)
		require.NoError(t, f.PublishAs(ctx, "a", []byte(suffix)))
	}
	for _, want := range []string{".1", ".3"} {
		e, err := sub.Next(ctx)
		require.NoError(t, err)
		assert.Equal(t, feed.Event{Kind: feed.Published, Feed: b.name + want, ID: "a", Body: []byte(want)}, e)
	}
}

func TestFollowClose(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	sub := follow(t, b.Feed, feed.FollowOptions{Snapshot: true})
	assert.Equal(t, "synced", next(t, sub))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sub.Next(ctx)
	assert.ErrorIs(t, err, context.Canceled)

	ended := make(chan error)
	go func() {
		for range sub.Events() {
		}
		ended <- sub.Err()
	}()
	require.NoError(t, sub.Close())
	assert.ErrorIs(t, <-ended, feed.ErrClosed)
	require.NoError(t, sub.Close())
	_, err = sub.Next(t.Context())
	assert.ErrorIs(t, err, feed.ErrClosed)

	// Events that the loop leaves can be gone on with.
	sub = follow(t, b.Feed, feed.FollowOptions{})
	require.NoError(t, b.PublishAs(t.Context(), "a", nil))
	require.NoError(t, b.PublishAs(t.Context(), "b", nil))
	for e := range sub.Events() {
		assert.Equal(t, "a", e.ID)
		break
	}
	assert.NoError(t, sub.Err())
	assert.Equal(t, "published b=", next(t, sub))

	// The engine's end is the subscription's.
	require.NoError(t, b.eng.Close(t.Context()))
	_, err = sub.Next(t.Context())
	assert.ErrorIs(t, err, feed.ErrClosed)
	_, err = b.Follow(t.Context(), feed.FollowOptions{})
	assert.ErrorIs(t, err, engine.ErrStopped)
}

// A mailbox that is full drops, counts, and tells so where the messages are
// missing.
func TestFollowLag(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	ctx := t.Context()
	sub := follow(t, b.Feed, feed.FollowOptions{Mailbox: 3})
	last := follow(t, b.Feed, feed.FollowOptions{ID: "end"}) // tells when all have been routed
	for i := range 10 {
		require.NoError(t, b.PublishAs(ctx, strconv.Itoa(i), nil))
	}
	require.NoError(t, b.PublishAs(ctx, "end", nil))
	assert.Equal(t, "published end=", next(t, last))
	for _, want := range []string{"published 0=", "published 1=", "published 2=", "lagged 8"} {
		assert.Equal(t, want, next(t, sub))
	}
	require.NoError(t, b.PublishAs(ctx, "after", nil))
	assert.Equal(t, "published after=", next(t, sub))
}

// After a lag a snapshot subscription tells the whole feed again, by itself.
func TestFollowLagSnapshot(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{MaxLength: 2})
	ctx := t.Context()
	sub := follow(t, b.Feed, feed.FollowOptions{Mailbox: 3, Snapshot: true})
	last := follow(t, b.Feed, feed.FollowOptions{ID: "end"})
	assert.Equal(t, "synced", next(t, sub))
	for i := range 10 {
		require.NoError(t, b.PublishAs(ctx, strconv.Itoa(i), nil))
	}
	require.NoError(t, b.PublishAs(ctx, "end", nil))
	assert.Equal(t, "published end=", next(t, last))
	for _, want := range []string{"published 0=", "published 1=", "retracted 0", "lagged 17", "snapshot 9=", "snapshot end=", "synced"} {
		assert.Equal(t, want, next(t, sub))
	}
}

// The connection of the messages is killed again and again: every subscriber is
// told, and one with a snapshot ends up right.
func TestFollowReconnect(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	b := benchOn(t, openEngine(t, engine.Config{URL: srv.URL()}), srv.URL(), feed.Config{})
	ctx := t.Context()
	plain := follow(t, b.Feed, feed.FollowOptions{})
	snap := follow(t, b.Feed, feed.FollowOptions{Snapshot: true})
	assert.Equal(t, "synced", next(t, snap))
	other := redistest.Client(t, srv.URL())
	for round := range 3 {
		id := strconv.Itoa(round)
		require.NoError(t, b.PublishAs(ctx, id, nil))
		assert.Equal(t, "published "+id+"=", next(t, plain))
		assert.Equal(t, "published "+id+"=", next(t, snap))
		// The recorder of the bench dies as well; it is not needed here.
		other.Do("CLIENT", "KILL", "TYPE", "pubsub")
		assert.Equal(t, "lagged 0", next(t, plain))
		assert.Equal(t, "lagged 0", next(t, snap))
		for i := range round + 1 {
			assert.Equal(t, fmt.Sprintf("snapshot %d=", i), next(t, snap))
		}
		assert.Equal(t, "synced", next(t, snap))
	}
}

// A follower that reads is told every message, in order, of 8 writers at once.
func TestFollowTellsAll(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 500
	b := newBench(t, feed.Config{})
	var subs []*feed.Subscription
	for range 3 {
		subs = append(subs, follow(t, b.Feed, feed.FollowOptions{Mailbox: writers * each}))
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := b.PublishAs(t.Context(), fmt.Sprintf("w%d-%d", w, i), nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	ids, err := b.IDs(t.Context())
	require.NoError(t, err)
	require.Len(t, ids, writers*each)
	for _, sub := range subs {
		for _, id := range ids {
			require.Equal(t, "published "+id+"=", next(t, sub))
		}
	}
}
