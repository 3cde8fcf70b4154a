package sorted_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A copied is what a program keeps that follows a sorted feed with a snapshot. It is
// strict: whatever does not fit to what was told before is an error.
type copied struct {
	ids    []string
	bodies map[string]string
	synced bool
}

func (c *copied) apply(e sorted.Event) error {
	_, known := c.bodies[e.ID]
	switch e.Kind {
	case sorted.Lagged:
		*c = copied{}
		return nil
	case sorted.Snapshot:
		if c.synced || known {
			return fmt.Errorf("snapshot of %s, synced %t, known %t", e.ID, c.synced, known)
		}
		if c.bodies == nil {
			c.bodies = map[string]string{}
		}
		c.ids = append(c.ids, e.ID)
	case sorted.Synced:
		if c.synced {
			return errors.New("synced twice")
		}
		c.synced = true
		return nil
	case sorted.Published:
		if !c.synced || known {
			return fmt.Errorf("published %s, synced %t, known %t", e.ID, c.synced, known)
		}
		if c.bodies == nil {
			c.bodies = map[string]string{}
		}
		if err := c.put(e.ID, e.Position); err != nil {
			return err
		}
	case sorted.Edited, sorted.Moved, sorted.Retracted:
		if !c.synced || !known {
			return fmt.Errorf("%s of %s, synced %t, known %t", e.Kind, e.ID, c.synced, known)
		}
		if e.Kind != sorted.Edited {
			i := slices.Index(c.ids, e.ID)
			c.ids = slices.Delete(c.ids, i, i+1)
		}
		if e.Kind == sorted.Moved {
			return c.put(e.ID, e.Position)
		}
		if e.Kind == sorted.Retracted {
			delete(c.bodies, e.ID)
			return nil
		}
	default:
		return fmt.Errorf("unexpected %s", e.Kind)
	}
	c.bodies[e.ID] = string(e.Body)
	return nil
}

func (c *copied) put(id string, at sorted.Position) error {
	i := 0
	if rel, ok := at.Before(); ok {
		i = slices.Index(c.ids, rel)
	} else if rel, ok := at.After(); ok {
		if i = slices.Index(c.ids, rel); i >= 0 {
			i++
		}
	} else if at == sorted.Last {
		i = len(c.ids)
	} else if at != sorted.First {
		i = -1
	}
	if i < 0 {
		return fmt.Errorf("%s at %s", id, at)
	}
	c.ids = slices.Insert(c.ids, i, id)
	return nil
}

// fill makes a list of n items, as a peer would.
func (b *bench) fill(n int, item string) {
	b.peer.Eval(`for i = 1, tonumber(ARGV[1]) do
		redis.call('RPUSH', KEYS[1], i)
		redis.call('HSET', KEYS[2], i, ARGV[2])
	end
	redis.call('SET', KEYS[3], ARGV[1])`,
		[]string{"feed.ids:" + b.name, "feed.items:" + b.name, "feed.idincr:" + b.name}, n, item)
}

// churn changes the list in every way until it is told to stop. The ids it picks are
// up to twice the length of the list at the beginning, so that many do not exist.
func churn(t *testing.T, s *sorted.Sorted, size int, stop *atomic.Bool) {
	ctx := context.Background()
	id := func() string { return strconv.Itoa(1 + rand.IntN(2*size)) }
	at := func() sorted.Position {
		return []sorted.Position{sorted.First, sorted.Last, sorted.Before(id()), sorted.After(id())}[rand.IntN(4)]
	}
	for i := 0; !stop.Load(); i++ {
		var err error
		body := []byte(strconv.Itoa(i))
		switch rand.IntN(6) {
		case 0, 1:
			_, err = s.Insert(ctx, body, at())
		case 2:
			err = s.Edit(ctx, id(), body)
		case 3, 4:
			err = s.Move(ctx, id(), at())
		case 5:
			err = s.Retract(ctx, id())
		}
		if err != nil && !errors.Is(err, sorted.ErrNotFound) {
			t.Error(err)
			return
		}
	}
}

// churning runs several churns while f runs.
func churning(t *testing.T, b *bench, size int, f func()) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { churn(t, b.Sorted, size, &stop) })
	}
	f()
	stop.Store(true)
	wg.Wait()
}

// catchUp applies events until the copy is as the list is now. Nobody may change it
// meanwhile.
func catchUp(t *testing.T, b *bench, sub *sorted.Subscription, c *copied) {
	t.Helper()
	end, err := b.Append(context.Background(), []byte("end"))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for c.bodies[end] == "" || !c.synced {
		e, err := sub.Next(ctx)
		require.NoError(t, err)
		require.NoError(t, c.apply(e))
	}
	var words []string
	for _, id := range c.ids {
		words = append(words, id+"="+c.bodies[id])
	}
	require.True(t, all(t, b.Sorted) == strings.Join(words, " ")) // too long to be shown
	require.Len(t, c.bodies, len(c.ids))
}

// TestSnapshotUnderChange: snapshots that begin while the list changes everywhere, and
// what follows them, are the list.
func TestSnapshotUnderChange(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	for name, tt := range map[string]struct {
		size int
		item string
	}{
		"small":       {20, "x"},
		"pages":       {4000, "x"},
		"large items": {60, strings.Repeat("x", 200_000)}, // about five on a page
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := benchOn(t, openEngine(t, url), url)
			b.fill(tt.size, tt.item)
			const rounds = 6
			subs, copies := make([]*sorted.Subscription, rounds), make([]*copied, rounds)
			churning(t, b, tt.size, func() {
				for i := range rounds {
					subs[i] = follow(t, b.Sorted, sorted.FollowOptions{Snapshot: true, Mailbox: 1 << 20})
					copies[i] = &copied{}
					for n := 0; !copies[i].synced || n < 200; n++ {
						e, err := subs[i].Next(context.Background())
						require.NoError(t, err)
						require.NoError(t, copies[i].apply(e))
					}
				}
			})
			for i := range rounds {
				catchUp(t, b, subs[i], copies[i])
			}
		})
	}
}

// TestSnapshotFaults: the same while replies to pages get lost, connections are cut,
// and the mailbox overflows.
func TestSnapshotFaults(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	const size = 3000
	for name, tt := range map[string]struct {
		mailbox int
		fault   func(p *redistest.Proxy)
	}{
		"lost replies": {1 << 20, func(p *redistest.Proxy) { <-p.SwallowNext([]byte("feed.snapshot:")) }},
		"cuts":         {1 << 20, func(p *redistest.Proxy) { <-p.CutAfter(50) }},
		"overflows":    {8, func(*redistest.Proxy) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := redistest.NewProxy(t, url)
			b := benchOn(t, openEngine(t, url), url)
			b.fill(size, "x")
			reader, err := openEngine(t, proxy.URL()).Sorted(context.Background(), b.name, sorted.Config{})
			require.NoError(t, err)
			sub := follow(t, reader, sorted.FollowOptions{Snapshot: true, Mailbox: tt.mailbox})
			c, lagged := &copied{}, 0
			churning(t, b, size, func() {
				for range 3 {
					done := make(chan struct{})
					go func() { tt.fault(proxy); close(done) }()
					for struck := false; !struck || !c.synced; {
						e, err := sub.Next(context.Background())
						require.NoError(t, err)
						require.NoError(t, c.apply(e))
						if e.Kind == sorted.Lagged {
							lagged++
						}
						select {
						case <-done:
							struck = true
						default:
						}
						if name == "lost replies" && c.synced && !struck {
							sub = follow(t, reader, sorted.FollowOptions{Snapshot: true, Mailbox: tt.mailbox})
							c = &copied{}
						}
					}
				}
			})
			catchUp(t, b, sub, c)
			if name == "cuts" {
				require.Positive(t, lagged)
			}
		})
	}
}

// TestSilentChange: somebody changes the list between two pages without a message.
// What does not fit is noticed, and the snapshot begins again.
func TestSilentChange(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	for name, change := range map[string]string{
		"taken out":   "redis.call('LREM', KEYS[1], 1, 7)",
		"put in":      "redis.call('LINSERT', KEYS[1], 'BEFORE', 7, 'new') redis.call('HSET', KEYS[2], 'new', 'x')",
		"turned over": "redis.call('LPUSH', KEYS[1], redis.call('RPOP', KEYS[1]))",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := redistest.NewProxy(t, target.URL())
			b := benchOn(t, openEngine(t, proxy.URL()), target.URL())
			b.fill(2000, "x")
			sub := follow(t, b.Sorted, sorted.FollowOptions{Snapshot: true})
			pages := 0
			proxy.OnRequest(func(_ int, raw []byte) {
				if !bytes.Contains(raw, []byte("feed.snapshot:")) {
					return
				}
				if pages++; pages == 2 { // on its way
					b.peer.Eval(change, []string{"feed.ids:" + b.name, "feed.items:" + b.name})
				}
			})
			c := &copied{}
			for !c.synced {
				e, err := sub.Next(context.Background())
				require.NoError(t, err)
				require.NoError(t, c.apply(e))
			}
			catchUp(t, b, sub, c)
			require.Greater(t, pages, 4)
		})
	}
}
