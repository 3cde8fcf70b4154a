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
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// Results of any size reach who waits, and Info.
func TestResults(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	size := 8 << 20
	if full {
		size = 64 << 20
	}
	for _, n := range []int{0, 1, size} {
		want := bytes.Repeat([]byte{0, 'x'}, n/2+1)[:n]
		id, err := b.Put(t.Context(), nil)
		require.NoError(t, err)
		c := b.claim()
		type answer struct {
			result []byte
			err    error
		}
		got := make(chan answer, 1)
		go func() {
			result, err := b.Wait(t.Context(), id)
			got <- answer{result, err}
		}()
		redistest.Eventually(t, func() bool { return b.peer.Int("EXISTS", "feed.waiters:"+b.name) == 1 }, "it waits")
		require.NoError(t, c.Finish(t.Context(), want))
		a := within(t, got, "the result")
		require.NoError(t, a.err)
		assert.True(t, bytes.Equal(want, a.result), "%d bytes, got %d", n, len(a.result))
		i, err := b.Info(t.Context(), id)
		require.NoError(t, err)
		assert.NotNil(t, i.Result)
		assert.True(t, bytes.Equal(want, i.Result))
		again, err := b.Wait(t.Context(), id)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, again))
	}
}

// Of jobs that finish in one call each keeps its own result, also beside some that have none or are not ours any more.
func TestResultsOfABatch(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{})
	const n = 64
	claims := make([]*job.Claim, n)
	for range claims {
		_, err := b.Put(t.Context(), nil)
		require.NoError(t, err)
	}
	for i := range claims {
		claims[i] = b.claim()
	}
	for i, c := range claims {
		switch i % 8 {
		case 3:
			b.peer.Do("HDEL", "feed.claimants:"+b.name, c.ID)
		case 5: // claimed again by a peer, who leaves our token
			b.peer.Do("ZADD", "feed.claimed:"+b.name, "99999999999999", c.ID)
		}
	}
	var wg sync.WaitGroup
	for i, c := range claims {
		var result []byte
		if i%3 > 0 {
			result = []byte(c.ID)
		}
		wg.Go(func() {
			err := c.Finish(t.Context(), result)
			assert.Equal(t, i%8 == 3 || i%8 == 5, errors.Is(err, job.ErrNotOwner), "%v", err)
		})
	}
	wg.Wait()
	for i, c := range claims {
		kept := b.peer.Do("GET", "feed.result:"+b.name+":"+c.ID)
		if i%3 > 0 && i%8 != 3 && i%8 != 5 {
			assert.Equal(t, c.ID, kept)
		} else {
			assert.Nil(t, kept)
		}
	}
}

// Wait ends with the job, however that ends.
func TestWait(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end  step
		want error
	}{
		"finished": {ops["finish"], nil},
		"stalled":  {ops["stall"], job.ErrStalled},
		"retracted": {func(ctx context.Context, b *bench, c *job.Claim) error {
			return b.Retract(ctx, c.ID)
		}, job.ErrRetracted},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, job.Config{})
			b.available("a")
			c := b.claim()
			got := make(chan error, 1)
			go func() { _, err := b.Wait(t.Context(), "a"); got <- err }()
			redistest.Eventually(t, func() bool { return b.peer.Int("EXISTS", "feed.waiters:"+b.name) == 1 }, "it waits")
			require.NoError(t, tc.end(t.Context(), b, c))
			err := within(t, got, "the end of the wait")
			if tc.want == nil {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, tc.want)
			}
		})
	}
	b := newBench(t, job.Config{})
	_, err := b.Wait(t.Context(), "never")
	assert.ErrorIs(t, err, job.ErrNotFound)
	b.available("a")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = b.Wait(ctx, "a")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}
