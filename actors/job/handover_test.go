package job_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// stopAt has the next request that calls the script wait at the proxy until go on
// is called.
func stopAt(proxy *redistest.Proxy, s *wire.Script) (there <-chan struct{}, goOn func()) {
	at, on := make(chan struct{}), make(chan struct{})
	var once sync.Once
	proxy.OnRequest(func(_ int, raw []byte) {
		if bytes.Contains(raw, job.Named(s)) {
			once.Do(func() { close(at); <-on })
		}
	})
	return at, func() { close(on) }
}

// A claim for somebody who has left meanwhile, or whose engine closes, goes back to
// the front of the line and counts as nothing; also if its reply was lost.
func TestClaimForNobody(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		for _, closes := range []bool{false, true} {
			name := map[bool]string{false: "left", true: "closed"}[closes] + map[bool]string{false: "", true: ", reply lost"}[lost]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				// A lone claim is sent by the owner itself, which hears of the end of the
				// engine when the round trip has ended.
				b, proxy := newProxied(t, job.Config{}, engine.Config{Timeout: 300 * time.Millisecond})
				b.unattended().available("a", "b")
				there, goOn := stopAt(proxy, job.ClaimScript)
				if lost {
					proxy.SwallowNext(job.Named(job.ClaimScript))
				}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				got := make(chan error, 1)
				go func() { _, err := b.Get(ctx); got <- err }()
				within(t, there, "the claim is under way")
				closed := make(chan error, 1)
				if closes {
					go func() { closed <- b.eng.Close(context.Background()) }()
					assert.ErrorIs(t, within(t, got, "the getter's answer"), engine.ErrStopped)
				} else {
					cancel()
					err := within(t, got, "the getter's answer")
					assert.ErrorIs(t, err, context.Canceled)
					assert.ErrorIs(t, err, engine.ErrNotSent)
				}
				goOn()
				if closes {
					require.NoError(t, within(t, closed, "close"))
				}
				redistest.Eventually(t, func() bool {
					return b.state() == "ids: b a\nitems: a=a b=b\npublished: a@long b@long"
				}, "all as before")
			})
		}
	}
}

// A peer who works on the same jobs as we do: what both do has one outcome.
func TestBesideAPeer(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	const total = 400
	b.seedMany(total)
	stop := make(chan struct{})
	var peers sync.WaitGroup
	taken := map[string]bool{}
	peer := redistest.Client(t, b.url)
	peers.Go(func() { // claims in two steps and finishes by id alone
		for {
			select {
			case <-stop:
				return
			default:
			}
			id, _ := peer.Do("RPOP", "feed.ids:"+b.name).(string)
			if id == "" {
				return
			}
			peer.Do("ZADD", "feed.claimed:"+b.name, longAgo*10, id)
			taken[id] = true
			peer.Pipeline([]any{"MULTI"}, []any{"ZREM", "feed.claimed:" + b.name, id}, []any{"HDEL", "feed.items:" + b.name, id},
				[]any{"ZREM", "feed.published:" + b.name, id}, []any{"INCR", "feed.finishes:" + b.name}, []any{"EXEC"})
		}
	})
	ours := map[string]bool{}
	for {
		c, err := b.TryGet(t.Context())
		if errors.Is(err, job.ErrEmpty) {
			break
		}
		require.NoError(t, err)
		require.False(t, ours[c.ID])
		ours[c.ID] = true
		require.NoError(t, c.Finish(t.Context(), nil))
	}
	close(stop)
	peers.Wait()
	for id := range ours {
		assert.False(t, taken[id], "%s was done twice", id)
	}
	t.Logf("%d by us, %d by the peer", len(ours), len(taken))
	assert.Equal(t, total, len(ours)+len(taken))
	assert.Equal(t, job.Counts{Finished: total}, b.counts())
}
