package actor_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/actor"
)

func TestMailboxFull(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		leave func(m *actor.Mailbox[int], cancel context.CancelFunc) // after a second
		after time.Duration
		errs  []error
	}{
		"patience ends": {func(*actor.Mailbox[int], context.CancelFunc) {}, 5 * time.Second, []error{actor.ErrUnavailable, actor.ErrNotSent}},
		"context ends":  {func(_ *actor.Mailbox[int], cancel context.CancelFunc) { cancel() }, time.Second, []error{context.Canceled, actor.ErrNotSent}},
		"stopped":       {func(m *actor.Mailbox[int], _ context.CancelFunc) { m.Stop() }, time.Second, []error{actor.ErrStopped, actor.ErrNotSent}},
		"room":          {func(m *actor.Mailbox[int], _ context.CancelFunc) { <-m.In() }, time.Second, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := actor.NewMailbox[int](2)
				for i := range 2 {
					require.NoError(t, m.Send(t.Context(), i, 0))
				}
				assert.False(t, m.TrySend(9))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Second, func() { tc.leave(m, cancel) })
				begun := time.Now()
				err := m.Send(ctx, 2, 5*time.Second)
				assert.Equal(t, tc.after, time.Since(begun))
				if tc.errs == nil {
					assert.NoError(t, err)
				}
				for _, want := range tc.errs {
					assert.ErrorIs(t, err, want)
				}
				assert.NotErrorIs(t, err, actor.ErrOutcomeUnknown)
				synctest.Wait()
			})
		})
	}
}

func TestMailboxStopped(t *testing.T) {
	t.Parallel()
	m := actor.NewMailbox[int](2)
	m.Stop()
	m.Stop()
	assert.Equal(t, actor.ErrStopped, m.Send(t.Context(), 1, time.Minute), "though there is room")
	assert.False(t, m.TrySend(1))
	assert.Empty(t, m.In())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	open := actor.NewMailbox[int](2)
	assert.ErrorIs(t, open.Send(ended, 1, time.Minute), context.Canceled, "though there is room")
	assert.Empty(t, open.In())
	select {
	case <-m.Done():
		t.Error("done before Exit")
	default:
	}
	m.Exit(func(int) {})
	<-m.Done()
}

func TestMailboxOrder(t *testing.T) {
	t.Parallel()
	const senders, each = 8, 500
	m := actor.NewMailbox[[2]int](4)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if err := m.Send(context.Background(), [2]int{s, i}, time.Minute); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var next [senders]int
	for range senders * each {
		c := <-m.In()
		require.Equal(t, next[c[0]], c[1])
		next[c[0]]++
	}
	wg.Wait()
}

func TestMailboxIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := actor.NewMailbox[int](1)
		begun := time.Now()
		assert.False(t, m.IdleSince(begun), "just made")
		time.Sleep(time.Minute)
		assert.True(t, m.IdleSince(time.Now()))
		m.SetBusy(true)
		assert.False(t, m.IdleSince(time.Now()))
		m.SetBusy(false)
		require.True(t, m.TrySend(1))
		assert.False(t, m.IdleSince(time.Now()), "something waits")
		<-m.In()
		m.Touch()
		assert.False(t, m.IdleSince(time.Now()))
		assert.False(t, m.IdleSince(begun))
	})
}
