package queue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
)

// Items are put in the order of acceptance, and their outcomes told in that order, also
// when replies are lost and connections break meanwhile: each once.
func TestAsyncKeepsOrderOverFaults(t *testing.T) {
	t.Parallel()
	const n = 5000
	b, proxy := newProxied(t, engine.Config{Timeout: time.Second})
	a := b.Async(queue.AsyncOptions{Pending: 700})
	var told []string
	body := make([]byte, 0, 8)
	for i := range n {
		switch i % 1000 {
		case 300:
			proxy.Cut()
		case 700:
			proxy.SwallowReplies(1)
		}
		body = fmt.Append(body[:0], i) // the Async has its own copy
		_, err := a.Put(t.Context(), body, func(id string, err error) {
			assert.NoError(t, err)
			told = append(told, id)
		})
		require.NoError(t, err)
	}
	require.NoError(t, a.Flush(t.Context()))
	assert.Len(t, told, n)

	items, err := b.GetUpTo(t.Context(), n, time.Minute)
	require.NoError(t, err)
	for i, it := range items {
		require.Equal(t, fmt.Sprint(i), string(it.Body))
		require.Equal(t, told[i], it.ID)
	}
	length, err := b.Len(t.Context())
	require.NoError(t, err)
	assert.Zero(t, length)
}

// Many callers share one Async; each one's items keep their order.
func TestAsyncManyCallers(t *testing.T) {
	t.Parallel()
	const callers, each = 8, 1000
	b := newBench(t)
	a := b.Async(queue.AsyncOptions{})
	var wait sync.WaitGroup
	for c := range callers {
		wait.Go(func() {
			for i := range each {
				_, err := a.Put(t.Context(), fmt.Append(nil, c, " ", i), nil)
				assert.NoError(t, err)
			}
			assert.NoError(t, a.Flush(t.Context()))
		})
	}
	wait.Wait()
	items, err := b.GetUpTo(t.Context(), callers*each, 0)
	for err == nil && len(items) < callers*each {
		var more []queue.Item
		more, err = b.GetUpTo(t.Context(), callers*each-len(items), 0)
		items = append(items, more...)
	}
	require.NoError(t, err)
	next := map[string]int{}
	for _, it := range items {
		caller, i, _ := strings.Cut(string(it.Body), " ")
		require.Equal(t, fmt.Sprint(next[caller]), i)
		next[caller]++
	}
}

// With Pending items on their way a caller waits, and its context ends the wait. What
// was not accepted was not sent, and Flush does not wait for it.
func TestAsyncIsBounded(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, engine.Config{})
	a := b.Async(queue.AsyncOptions{Pending: 10})
	proxy.Hold()
	for i := range 10 {
		_, err := a.Put(t.Context(), fmt.Append(nil, i), nil)
		require.NoError(t, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := a.Put(short, []byte("one more"), func(string, error) { t.Error("it was not accepted") })
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, err, engine.ErrNotSent)
	err = a.Flush(short)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	proxy.Release()
	require.NoError(t, a.Flush(t.Context()))
	length, err := b.Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 10, length)
}

// Large items are bounded by their size: as many as may be pending would not fit into memory.
func TestAsyncIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, engine.Config{})
	a := b.Async(queue.AsyncOptions{})
	proxy.Hold()
	body := make([]byte, 8<<20)
	for range 8 {
		_, err := a.Put(t.Context(), body, nil)
		require.NoError(t, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := a.Put(short, []byte("one more"), nil)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, err, engine.ErrNotSent)
	proxy.Release()
	require.NoError(t, a.Flush(t.Context()))
	_, err = a.Put(t.Context(), []byte("one more"), nil)
	require.NoError(t, err)
	require.NoError(t, a.Flush(t.Context()))
	length, err := b.Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 9, length)
}

// An item that cannot be put tells its callback, and the next Flush, once. What is wrong
// with an argument is told at once.
func TestAsyncErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.another() // so that a name remains to be deleted by
	a := b.Async(queue.AsyncOptions{})
	_, err := a.Put(t.Context(), make([]byte, 64<<20+1), nil)
	assert.ErrorIs(t, err, engine.ErrNotSent)
	assert.ErrorContains(t, err, "limit")
	require.NoError(t, b.eng.Delete(t.Context(), b.name))
	var told error
	_, err = a.Put(t.Context(), []byte("x"), func(_ string, err error) { told = err })
	require.NoError(t, err)
	err = a.Flush(t.Context())
	assert.ErrorIs(t, err, engine.ErrNoSuchName)
	assert.Equal(t, told, err)
	assert.NoError(t, a.Flush(t.Context()))
}

// A callback that ends its goroutine, as t.FailNow does, holds nobody up: the others are told.
func TestAsyncGoexit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := b.Async(queue.AsyncOptions{})
	var told []int
	const n = 500
	for i := range n {
		_, err := a.Put(t.Context(), fmt.Append(nil, i), func(string, error) {
			told = append(told, i)
			if i%100 < 2 {
				runtime.Goexit()
			}
		})
		require.NoError(t, err)
	}
	require.NoError(t, a.Flush(t.Context()))
	require.Len(t, told, n)
	for i := range n {
		require.Equal(t, i, told[i])
	}
}

// Closing the engine answers all that was accepted: with nil if it was stored, and with
// an error that says so if it was not.
func TestAsyncAndClose(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := b.another()
	a := other.Async(queue.AsyncOptions{Pending: 1 << 20})
	stored, accepted, answered := 0, 0, 0
	for i := range 20_000 {
		if i == 10_000 {
			go closeEngine(t, other.eng)
		}
		_, err := a.Put(t.Context(), []byte("x"), func(_ string, err error) {
			answered++
			if err == nil {
				stored++
			} else if !errors.Is(err, engine.ErrStopped) {
				t.Error(err)
			}
		})
		require.NoError(t, err)
		accepted++
	}
	if err := a.Flush(t.Context()); err != nil {
		assert.ErrorIs(t, err, engine.ErrStopped)
	}
	assert.Equal(t, accepted, answered)
	length, err := b.Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, stored, length)
}
