package feed_test

import (
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
	"github.com/thoonk-go/thoonk/internal/redistest"
)

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
