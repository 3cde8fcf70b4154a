package feed_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
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

// The reply to a page is lost and the page read again: what happens between the
// two reads is told once, either in the snapshot or behind it.
func TestSnapshotLostReply(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, feed.Config{}, time.Minute)
	ctx := t.Context()
	require.NoError(t, b.PublishAs(ctx, "a", []byte("1")))
	require.NoError(t, b.PublishAs(ctx, "gone", []byte("1")))
	direct := openEngine(t, engine.Config{URL: redistest.Shared(t).URL()})
	f, err := direct.Feed(ctx, b.name, feed.Config{})
	require.NoError(t, err)

	sub := follow(t, b.Feed, feed.FollowOptions{Snapshot: true})
	proxy.Refuse(true)
	lost := proxy.SwallowNext([]byte("feed.snapshot:"))
	first := make(chan string, 1)
	go func() { first <- next(t, sub) }()
	<-lost // the page was read, and its marker is in the stream
	require.NoError(t, f.PublishAs(ctx, "between", []byte("2")))
	require.NoError(t, f.Retract(ctx, "gone"))
	proxy.Refuse(false)

	told := []string{<-first}
	for told[len(told)-1] != "synced" {
		told = append(told, next(t, sub))
	}
	require.NoError(t, f.PublishAs(ctx, "end", nil))
	for told[len(told)-1] != "published end=" {
		told = append(told, next(t, sub))
	}
	n := 0
	for _, e := range told {
		if e == "snapshot between=2" || e == "published between=2" {
			n++
		}
	}
	assert.Equal(t, 1, n, "%q", told)
}

// replica is what a subscriber makes of the events. Bodies are numbers that grow
// for each id, so a message that is told twice, or late, shows.
type replica struct {
	items    map[string]string
	versions map[string]int
	synced   bool
}

func (r *replica) apply(e feed.Event) error {
	switch e.Kind {
	case feed.Lagged:
		r.items, r.synced = map[string]string{}, false
		clear(r.versions) // the new snapshot may tell what was told before
		return nil
	case feed.Synced:
		r.synced = true
		return nil
	case feed.Retracted:
		delete(r.items, e.ID)
		return nil
	case feed.Snapshot:
		if _, ok := r.items[e.ID]; ok {
			return fmt.Errorf("%s is in the snapshot twice", e.ID)
		}
	}
	v, err := strconv.Atoi(string(e.Body))
	if err != nil {
		return err
	}
	if v <= r.versions[e.ID] {
		return fmt.Errorf("%v: version %d of %s after %d", e.Kind, v, e.ID, r.versions[e.ID])
	}
	r.versions[e.ID] = v
	r.items[e.ID] = string(e.Body)
	return nil
}

// Several followers join while writers publish, edit and retract as fast as they
// can. Each rebuilds the feed from what it is told; in the end all have what is
// stored. Followers with a small mailbox lag and start again.
func TestSnapshotThenFollow(t *testing.T) {
	t.Parallel()
	for _, bound := range []int{0, 100} {
		t.Run(fmt.Sprintf("bound %d", bound), func(t *testing.T) {
			t.Parallel()
			const writers, each = 8, 400
			b := newBench(t, feed.Config{MaxLength: bound})
			var old []feed.Item
			for i := range 2500 { // several pages
				old = append(old, feed.Item{ID: fmt.Sprintf("old%d", i), Body: []byte("1")})
			}
			_, err := b.PublishMany(t.Context(), old)
			require.NoError(t, err)

			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(1, uint64(w)))
					version := 1
					for range each {
						id := fmt.Sprintf("w%d-%d", w, rnd.IntN(40))
						if rnd.IntN(2) == 0 {
							id = fmt.Sprintf("old%d", rnd.IntN(2500)/writers*writers+w)
						}
						var err error
						if rnd.IntN(4) == 0 {
							if err = b.Retract(t.Context(), id); errors.Is(err, feed.ErrNotFound) {
								err = nil
							}
						} else {
							version++
							err = b.PublishAs(t.Context(), id, strconv.AppendInt(nil, int64(version), 10))
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			var followers sync.WaitGroup
			wants := make([]chan map[string]string, 8)
			for i := range wants {
				wants[i] = make(chan map[string]string, 1)
				followers.Go(func() {
					o := feed.FollowOptions{Snapshot: true, Mailbox: 100000}
					if i%4 == 3 {
						o.Mailbox = 64
					}
					sub, err := b.Follow(t.Context(), o)
					if err != nil {
						t.Error(err)
						return
					}
					defer sub.Close()
					r := replica{items: map[string]string{}, versions: map[string]int{}}
					for e := range sub.Events() {
						if err := r.apply(e); err != nil {
							t.Errorf("follower %d: %v", i, err)
							return
						}
						if r.items["end"] != "" && r.synced {
							break
						}
					}
					if want := <-wants[i]; !maps.Equal(want, r.items) {
						t.Errorf("follower %d has %d items, the feed %d: %s", i, len(r.items), len(want), difference(want, r.items))
					}
				})
			}
			wg.Wait()
			require.NoError(t, b.PublishAs(t.Context(), "end", []byte("1000000")))
			want := map[string]string{}
			for _, it := range all(t, b.Feed) {
				want[it.ID] = string(it.Body)
			}
			for _, c := range wants {
				c <- want
			}
			followers.Wait()
		})
	}
}

func difference(want, got map[string]string) string {
	var list []string
	for id, v := range want {
		if got[id] != v {
			list = append(list, fmt.Sprintf("%s: %q instead of %q", id, got[id], v))
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			list = append(list, id+" should not be there")
		}
	}
	slices.Sort(list)
	return fmt.Sprint(list[:min(len(list), 5)])
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
