package wire_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A server that has just started knows no scripts. One that another connection teaches a
// script between two batches runs them in their order nevertheless.
func TestOrderWhileScriptsAreLearnt(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	network, addr := proxy.Addr()
	r := newReal(t, srv.URL(), network, addr, 5*time.Second, time.Minute)
	var seen atomic.Int64
	proxy.OnRequest(func(_ int, raw []byte) {
		if bytes.Contains(raw, []byte(note.SHA())) && seen.Add(1) == 2 {
			r.peer.Do("SCRIPT", "LOAD", note.Source())
		}
	})
	proxy.Delay(100 * time.Millisecond) // the second is on its way before the first has its answer
	var calls []call
	add := func(word string, n int) {
		for i := range n {
			c := repeatable(noting(note, fmt.Sprint(word, i)))
			calls = append(calls, c)
			r.Add(c)
		}
	}
	add("a", 3)
	r.Flush()
	redistest.Eventually(t, func() bool { return seen.Load() == 1 }, "the first is on its way")
	add("b", 3)
	pump(t, r.Outbox)
	var want []string
	for _, c := range calls {
		v, err := answer(t, c)
		require.NoError(t, err)
		want = append(want, v+"/0")
	}
	assert.Equal(t, want, r.peer.Strings("LRANGE", contract.IDs.Of(r.name), 0, -1))
}

// While Redis refuses, batches go one at a time: it could refuse the first again and then, ready in between, run the
// second.
func TestOrderWhileRedisRefuses(t *testing.T) {
	t.Parallel()
	again, added := make(chan struct{}), make(chan struct{})
	busy := replies("-BUSY Redis is busy running a script\r\n")
	lane, redis := fake(echo, busy, func(request string) (string, error) {
		close(again)
		<-added
		return busy(request)
	}, echo)
	o := newOutbox("n", lane, time.Minute)
	var calls []call
	add := func(words ...string) {
		for _, w := range words { // two at once go on a goroutine of their own
			calls = append(calls, repeatable(noting(note, w)))
			o.Add(calls[len(calls)-1])
		}
	}
	add("0", "1")
	pump(t, o)
	add("a", "b")
	o.Flush()
	o.Land(<-o.Landed())
	<-o.Due()
	o.Resume()
	o.Flush()
	<-again
	add("c", "d")
	o.Flush()
	close(added)
	pump(t, o)
	for _, c := range calls {
		_, err := answer(t, c)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"0 1/0", "a b/0", "a b/0", "a b c d/0"}, redis.sent())
}

// The commands of one batch have numbers that follow one another, whatever else the engine numbers meanwhile: scripts
// remember ranges of them.
func TestNumbersOfABatchFollow(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	r := onServer(t, srv, 5*time.Second, time.Minute)
	numbers := new(atomic.Uint64)
	r.Outbox = wire.NewOutbox(wire.OutboxConfig{
		Name: r.name, Instance: "me", Lane: r.lane, Patience: time.Minute, Stats: new(wire.Stats), Numbers: numbers,
	})
	done, stop := make(chan struct{}), make(chan struct{})
	go func() { // other names
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				numbers.Add(1)
			}
		}
	}()
	const calls = 200
	for range calls {
		c := noting(note, "")
		c.Args, c.Numbered = wire.NewArgs(1, 16).Number(), true
		r.Add(c)
	}
	pump(t, r.Outbox)
	close(stop)
	<-done
	noted := r.noted()
	require.Len(t, noted, calls)
	first := 0
	for i, n := range noted {
		n, err := strconv.Atoi(strings.TrimSuffix(n, "/0"))
		require.NoError(t, err)
		if i == 0 {
			first = n
		}
		require.Equal(t, first+i, n)
	}
}
