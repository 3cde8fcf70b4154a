package job_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

func done(context.Context, *job.Claim) ([]byte, error) { return nil, nil }

// The job set becomes something else while a handler waits: the id that it pops there goes back.
func TestGoneUnderHandler(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sorted_feed", "queue"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, job.Config{}).unattended()
			b.handle(done, pool.Options{})
			waits(t, b)
			b.seed("DEL feed.ids:X feed.items:X", "HSET feed.config:X type "+kind, "HSET feed.items:X 1 one", "RPUSH feed.ids:X 1")
			redistest.Eventually(t, func() bool { return b.eng.Stats().Waker.Names == 0 }, "popped")
			redistest.Eventually(t, func() bool { return b.peer.Int("LLEN", "feed.ids:"+b.name) == 1 }, "its id is there again")
		})
	}
}

// A name that is made anew as another type wakes those who wait for that, not those who waited before.
func TestAnotherTypeOfTheName(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	b.handle(done, pool.Options{})
	waits(t, b)
	require.NoError(t, b.eng.Delete(t.Context(), b.name))
	q, err := b.eng.Queue(t.Context(), b.name, queue.Config{})
	require.NoError(t, err)
	got := make(chan error, 1)
	get := func() { _, err := q.Get(t.Context()); got <- err }
	go get()
	redistest.Eventually(t, func() bool {
		s := b.eng.Stats().Queues
		return s.Commands > 1 && s.InFlight == 0
	}, "the queue was made, and found empty")
	_, err = q.Put(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, within(t, got, "a queue now"))

	go get()
	waits(t, b)
	require.NoError(t, b.eng.Delete(t.Context(), b.name))
	again, err := b.eng.Jobs(t.Context(), b.name, job.Config{})
	require.NoError(t, err)
	assert.ErrorIs(t, within(t, got, "no queue any more"), engine.ErrWrongType)
	id, err := again.Put(t.Context(), nil)
	require.NoError(t, err)
	_, err = again.Wait(t.Context(), id)
	if !errors.Is(err, job.ErrNotFound) { // or it was over before
		require.NoError(t, err)
	}
}

// A handler goes on at once when its job set is made anew, whatever it was told before.
func TestMadeAnew(t *testing.T) {
	t.Parallel()
	for how, before := range map[string]func(*bench){
		"deleted": func(b *bench) { require.NoError(b.t, b.eng.Delete(b.t.Context(), b.name)) },
		"paused":  func(b *bench) { require.NoError(b.t, b.Pause(b.t.Context())) },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b, proxy := newProxied(t, job.Config{}, engine.Config{})
			b.unattended()
			b.handle(done, pool.Options{})
			waits(t, b)
			before(b)
			_, err := b.TryGet(t.Context()) // now the handler knows
			require.Error(t, err)
			_ = b.eng.Delete(t.Context(), b.name)
			wanted := claimsOf(proxy)
			_, err = b.eng.Jobs(t.Context(), b.name, job.Config{})
			require.NoError(t, err)
			b.counts() // goes behind whatever the owner has sent
			assert.NotEmpty(t, wanted())
		})
	}
}
