package job_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// claimsOf collects how many jobs each claim wants that goes through the proxy.
func claimsOf(proxy *redistest.Proxy) (wanted func() []string) {
	var mu sync.Mutex
	var list []string
	proxy.OnRequest(func(_ int, raw []byte) {
		if !bytes.Contains(raw, job.Named(job.ClaimScript)) {
			return
		}
		words := strings.Split(string(raw), "\r\n")
		at := 0
		for words[at] != string(job.Named(job.ClaimScript)) {
			at++
		}
		mu.Lock()
		defer mu.Unlock()
		list = append(list, words[at+2*17]) // behind the number of keys, 11 of them, repeat, channel, number and slot
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		l := list
		list = nil
		return l
	}
}

// waits returns when no claim is under way, and the next id is waited for.
func waits(t *testing.T, b *bench) {
	t.Helper()
	redistest.Eventually(t, func() bool { return b.eng.Stats().Waker.Names == 1 }, "an idle handler")
}

// The engine's limit is what its handlers can have in all: the first claim is for half of it, however many workers a handler has.
func TestWavesOfWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		workers, limit int
		want           string
	}{{16, 0, "8"}, {100, 0, "50"}, {256, 32, "16"}, {1000, 0, "256"}} {
		b, proxy := newProxied(t, job.Config{}, engine.Config{Workers: c.limit})
		b.unattended()
		wanted := claimsOf(proxy)
		b.handle(func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }, pool.Options{Workers: c.workers})
		waits(t, b)
		assert.Equal(t, c.want, wanted()[0], "%d workers, of %d", c.workers, c.limit)
	}
}

// A job that comes to an idle handler is claimed once. The claim tells whether there are more.
func TestOneClaimForOneJob(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, job.Config{}, engine.Config{})
	b.unattended()
	wanted := claimsOf(proxy)
	b.handle(func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }, pool.Options{})
	idle := func(finished int64) {
		redistest.Eventually(t, func() bool { return b.counts().Finished == finished }, "finished")
		waits(t, b)
	}
	idle(0)
	wanted()
	for i := range 5 {
		_, err := b.Put(t.Context(), nil)
		require.NoError(t, err)
		idle(int64(i + 1))
		assert.Equal(t, []string{"16"}, wanted(), "for all slots")
	}
}

// A caller of TryGet who has left before a claim could be sent for it is no reason to ask again and again.
func TestNobodyAsksForWhoLeft(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, job.Config{}, engine.Config{})
	b.unattended()
	wanted := claimsOf(proxy)
	b.handle(func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }, pool.Options{})
	waits(t, b)
	proxy.Hold()
	for range 10 { // some claims can be under way
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := b.TryGet(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		cancel()
	}
	wanted()
	proxy.Release()
	for range 50 { // a claim would go with each of these
		b.counts()
	}
	assert.LessOrEqual(t, len(wanted()), 6, "as many as batches can be under way where Redis is far, or thought far")
}
