package job_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
)

// Patience is how long a call waits for Redis, whatever stands in front of it: a batch is no turn of a line.
func TestPatienceBehindLargeCalls(t *testing.T) {
	t.Parallel()
	const patience = time.Second
	b, proxy := newProxied(t, job.Config{}, engine.Config{Patience: patience, Timeout: patience})
	_, err := b.Put(t.Context(), []byte("x"))
	require.NoError(t, err)
	proxy.Refuse(true)
	proxy.Cut()
	bodies := make([][]byte, 256)
	for i := range bodies {
		bodies[i] = []byte("x")
	}
	const callers = 30
	start := time.Now()
	var calls sync.WaitGroup
	for range callers {
		calls.Go(func() {
			_, err := b.PutMany(context.Background(), bodies)
			assert.ErrorIs(t, err, engine.ErrUnavailable)
		})
		calls.Go(func() {
			_, err := b.Put(context.Background(), []byte("one"))
			assert.ErrorIs(t, err, engine.ErrUnavailable)
		})
	}
	calls.Wait()
	took := time.Since(start)
	t.Logf("all were told after %v", took)
	assert.GreaterOrEqual(t, took, patience)
	assert.Less(t, took, callers/3*patience, "with one Patience for each batch it would be %d of them", callers)
}

// The items of an Async wait for Redis no longer than others, however many were accepted.
func TestPatienceOfAsync(t *testing.T) {
	t.Parallel()
	const patience = time.Second
	b, proxy := newProxied(t, job.Config{}, engine.Config{Patience: patience, Timeout: patience})
	_, err := b.Put(t.Context(), []byte("x"))
	require.NoError(t, err)
	const n = 30_000
	a := b.Async(job.AsyncOptions{Pending: n})
	proxy.Refuse(true)
	proxy.Cut()
	start := time.Now()
	told := 0
	for range n {
		_, err := a.Put(t.Context(), []byte("x"), func(_ string, err error) {
			told++
			assert.ErrorIs(t, err, engine.ErrUnavailable)
		})
		require.NoError(t, err)
	}
	assert.ErrorIs(t, a.Flush(t.Context()), engine.ErrUnavailable)
	took := time.Since(start)
	t.Logf("all were told after %v", took)
	assert.Equal(t, n, told)
	assert.GreaterOrEqual(t, took, patience)
	assert.Less(t, took, 20*patience, "with one Patience for what fits into the outbox it would be 100 of them")
}

// An Async that is idle holds nothing that grows with what went through it.
func TestIdleAsyncIsSmall(t *testing.T) {
	b := newBench(t, job.Config{})
	heap := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	// Keep what the engine itself needs for this out of the count.
	send := func() *job.Async {
		a := b.Async(job.AsyncOptions{})
		for i := range 400 {
			_, err := a.Put(t.Context(), make([]byte, 7000), nil, job.PutOptions{ID: fmt.Sprint(i)})
			require.NoError(t, err)
		}
		_ = a.Flush(t.Context()) // most exist
		return a
	}
	send()
	before := heap()
	var keep []*job.Async
	for range 20 {
		keep = append(keep, send())
	}
	const most = 64 << 10
	assert.Eventually(t, func() bool { return (heap()-before)/len(keep) < most }, 20*time.Second, 10*time.Millisecond)
	t.Logf("%d bytes each", (heap()-before)/len(keep))
	runtime.KeepAlive(keep)
}
