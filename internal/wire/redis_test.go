package wire_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// real is an outbox on a real server.
type real struct {
	*wire.Outbox
	lane *wire.Lane
	peer *redistest.Raw
	name string
}

func newReal(t *testing.T, url, network, addr string, timeout, patience time.Duration) *real {
	t.Helper()
	name := redistest.Name(t)
	lane := newLane(t, network, addr, timeout)
	return &real{newOutbox(name, lane, patience), lane, redistest.Client(t, url), name}
}

func (r *real) noted() []string {
	return r.peer.Strings("LRANGE", contract.IDs.Of(r.name), 0, -1)
}

func onServer(t *testing.T, srv *redisserver.Server, timeout, patience time.Duration) *real {
	t.Helper()
	network, addr := srv.Addr()
	return newReal(t, srv.URL(), network, addr, timeout, patience)
}

// SCRIPT FLUSH at any time costs a round trip, nothing else.
func TestScriptFlush(t *testing.T) {
	t.Parallel()
	r := onServer(t, redistest.Private(t, redisserver.Options{}), 5*time.Second, time.Minute)
	var calls []call
	var want []string
	for i := range 400 {
		s := note
		if i%3 == 2 {
			s = other
		}
		c := noting(s, fmt.Sprint(i))
		calls = append(calls, c)
		want = append(want, fmt.Sprint(i)+"/0")
		r.Add(c)
		if i%50 == 49 {
			r.peer.Do("SCRIPT", "FLUSH")
			pump(t, r.Outbox)
		}
	}
	for i, c := range calls {
		v, err := answer(t, c)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(i), v)
	}
	assert.ElementsMatch(t, want, r.noted(), "each ran once")
}

// What a server that cannot write answers is told as what it is.
func TestRefusalsOfRedis(t *testing.T) {
	t.Parallel()
	t.Run("out of memory", func(t *testing.T) {
		t.Parallel()
		r := onServer(t, redistest.Private(t, redisserver.Options{Args: []string{"--maxmemory", "1"}}), 5*time.Second, time.Minute)
		c := noting(note, "a")
		r.Add(c)
		pump(t, r.Outbox)
		_, err := answer(t, c)
		var refused *wire.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Contains(t, refused.Message, "OOM")
		assert.True(t, isNotSent(err) && !isUnknown(err))
		assert.Empty(t, r.noted())
	})
	t.Run("wrong type", func(t *testing.T) {
		t.Parallel()
		r := onServer(t, redistest.Private(t, redisserver.Options{}), 5*time.Second, time.Minute)
		r.peer.Do("SET", contract.IDs.Of(r.name), "x")
		c := noting(note, "a")
		r.Add(c)
		pump(t, r.Outbox)
		_, err := answer(t, c)
		assert.ErrorContains(t, err, "WRONGTYPE")
		assert.True(t, isNotSent(err) && !isUnknown(err))
	})
	// The others pass: the call waits, and succeeds once they have.
	passing := map[string]struct {
		begin, end func(r *real, second *redistest.Raw)
	}{
		"a replica": {
			func(r *real, second *redistest.Raw) { r.peer.Do("REPLICAOF", "127.0.0.1", "1") },
			func(r *real, second *redistest.Raw) { r.peer.Do("REPLICAOF", "NO", "ONE") }},
		"too few replicas": {
			func(r *real, second *redistest.Raw) { r.peer.Do("CONFIG", "SET", "min-replicas-to-write", "1") },
			func(r *real, second *redistest.Raw) { r.peer.Do("CONFIG", "SET", "min-replicas-to-write", "0") }},
		"busy with a script": {
			func(r *real, second *redistest.Raw) {
				r.peer.Do("CONFIG", "SET", "busy-reply-threshold", "1")
				r.peer.Send("EVAL", "while true do end", 0)
			},
			func(r *real, second *redistest.Raw) {
				second.Do("SCRIPT", "KILL")
				_, _ = r.peer.Receive()
			}},
	}
	for name, tc := range passing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Private(t, redisserver.Options{})
			r := onServer(t, srv, 5*time.Second, time.Minute)
			second := redistest.Client(t, srv.URL())
			tc.begin(r, second)
			c := noting(note, "a")
			r.Add(c)
			for range 3 { // three attempts in vain
				r.Flush()
				<-r.Due()
				r.Resume()
			}
			tc.end(r, second)
			pump(t, r.Outbox)
			_, err := answer(t, c)
			assert.NoError(t, err)
			assert.Equal(t, []string{"a/0"}, r.noted(), "it never ran before")
		})
	}
}

// A reply is lost between Redis and us.
func TestRepliesLost(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	network, addr := proxy.Addr()
	r := newReal(t, srv.URL(), network, addr, 5*time.Second, time.Minute)
	warm := noting(note, "warm")
	r.Add(warm)
	pump(t, r.Outbox)

	lost := proxy.SwallowReplies(1)
	a, b, c := noting(note, "a"), repeatable(noting(note, "b")), readOnly(noting(note, "c"))
	r.Add(a)
	r.Add(b)
	r.Add(c)
	pump(t, r.Outbox)
	<-lost
	_, err := answer(t, a)
	assert.True(t, isUnknown(err) && !isNotSent(err), "%v", err)
	for _, c := range []call{b, c} {
		_, err = answer(t, c)
		assert.NoError(t, err)
	}
	assert.Equal(t, []string{"warm/0", "a/0", "b/0", "c/0", "b/1", "c/0"}, r.noted())
}

// Redis cannot be reached at all: nothing is written, so nothing is unknown.
func TestAway(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	r := onServer(t, srv, 5*time.Second, 100*time.Millisecond)
	c := noting(note, "a")
	r.Add(c)
	pump(t, r.Outbox)
	require.NoError(t, srv.Kill())
	late := noting(note, "late")
	r.Add(late)
	pump(t, r.Outbox) // finds the connection dead, perhaps only after it wrote
	first := noting(note, "b")
	r.Add(first)
	pump(t, r.Outbox)
	_, err := answer(t, first)
	assert.ErrorIs(t, err, actor.ErrUnavailable)
	assert.True(t, isNotSent(err) && !isUnknown(err), "%v", err)

	require.NoError(t, srv.Restart(t.Context()))
	r.peer = redistest.Client(t, srv.URL())
	again := noting(note, "again")
	again.Patient = true
	r.Add(again)
	pump(t, r.Outbox)
	_, err = answer(t, again)
	assert.NoError(t, err)
	assert.Equal(t, []string{"again/0"}, r.noted())
}

// A server that hangs is given up after Timeout; the connection is replaced.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	r := onServer(t, srv, 100*time.Millisecond, time.Minute)
	warm := noting(note, "warm")
	r.Add(warm)
	pump(t, r.Outbox)
	require.NoError(t, srv.Pause())
	a, b := noting(note, "a"), repeatable(noting(note, "b"))
	r.Add(a)
	r.Add(b)
	for !a.Answered() { // the limit may pass before anything is written
		flush(r.Outbox)
		select {
		case b := <-r.Landed():
			r.Land(b)
		case <-r.Due():
			r.Resume()
		}
	}
	_, err := answer(t, a)
	assert.True(t, isUnknown(err) && !isNotSent(err), "%v", err)
	require.NoError(t, srv.Resume())
	pump(t, r.Outbox)
	_, err = answer(t, b)
	assert.NoError(t, err)
	assert.Contains(t, strings.Join(r.noted(), " "), "b/1")
}

// The largest item passes, and is not held up by the time limit of small ones.
func TestLargeItem(t *testing.T) {
	t.Parallel()
	r := onServer(t, redistest.Private(t, redisserver.Options{}), time.Second, time.Minute)
	word := strings.Repeat("0123456789abcdef", 64<<20/16)
	c, small := noting(note, word), noting(note, "small")
	r.Add(c)
	r.Add(small)
	pump(t, r.Outbox)
	v, err := answer(t, c)
	require.NoError(t, err)
	assert.True(t, v == word)
	_, err = answer(t, small)
	assert.NoError(t, err)
	assert.Equal(t, int64(2), r.peer.Int("LLEN", contract.IDs.Of(r.name)))
}

// An actor with many callers while its connection is cut all the time: each call
// that succeeded ran, each that was not sent did not, and those of one caller ran
// in its order.
func TestLoopUnderCuts(t *testing.T) {
	t.Parallel()
	t.Run("near", func(t *testing.T) { loopUnderCuts(t, 0, 100) })
	t.Run("far", func(t *testing.T) { loopUnderCuts(t, 2*time.Millisecond, 400) }) // with more batches under way
}

func loopUnderCuts(t *testing.T, way time.Duration, each int) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	proxy := redistest.NewProxy(t, srv.URL())
	proxy.Delay(way)
	network, addr := proxy.Addr()
	name := redistest.Name(t)
	lane := newLane(t, network, addr, 5*time.Second)
	box := actor.NewMailbox[wire.Command](64)
	out := newOutbox(name, lane, time.Minute)
	abort, cancel := context.WithCancel(t.Context())
	defer cancel()
	go wire.Loop(abort, box, out, plain{out})

	const callers = 16
	type outcome struct {
		word         string
		sure, absent bool
	}
	outcomes := make(chan outcome, callers*each)
	var wg sync.WaitGroup
	for w := range callers {
		wg.Go(func() {
			for i := range each {
				c := noting(note, fmt.Sprintf("%d-%04d", w, i))
				c.Repeatable = w%2 == 0
				o := outcome{word: fmt.Sprintf("%d-%04d", w, i)}
				err := box.Send(t.Context(), c, time.Minute)
				if err == nil {
					_, err = c.Wait(t.Context(), box.Done())
				}
				if w%2 == 0 && err != nil {
					t.Errorf("a repeatable call failed: %v", err)
				}
				o.sure, o.absent = err == nil, isNotSent(err)
				if err != nil && isNotSent(err) == isUnknown(err) {
					t.Errorf("says neither or both: %v", err)
				}
				outcomes <- o
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for cuts := 0; ; cuts++ {
		select {
		case <-proxy.CutAfter(5 + cuts%7):
			continue
		case <-done:
		}
		break
	}
	box.Stop()
	<-box.Done()
	close(outcomes)

	runs := map[string]int{}
	last := map[string]string{}
	for _, n := range redistest.Client(t, srv.URL()).Strings("LRANGE", contract.IDs.Of(name), 0, -1) {
		word, repeat, _ := strings.Cut(n, "/")
		runs[word]++
		caller, _, _ := strings.Cut(word, "-")
		if repeat == "0" {
			assert.Greater(t, word, last[caller], "out of order")
			last[caller] = word
		}
	}
	for o := range outcomes {
		switch {
		case o.sure:
			assert.GreaterOrEqual(t, runs[o.word], 1, "%s was answered and did not run", o.word)
		case o.absent:
			assert.Zero(t, runs[o.word], "%s ran and was not sent", o.word)
		}
	}
}

// plain hands everything to the outbox.
type plain struct{ out *wire.Outbox }

func (p plain) Handle(c wire.Command) { p.out.Add(c) }
func (p plain) Pump()                 {}
func (p plain) Stop()                 {}

// Stopping while Redis is away: with the abort everything is answered, with what
// is true of it, and the loop ends.
func TestStopWhileAway(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	network, addr := srv.Addr()
	lane := newLane(t, network, addr, 5*time.Second)
	box := actor.NewMailbox[wire.Command](64)
	out := newOutbox(redistest.Name(t), lane, time.Minute)
	abort, cancel := context.WithCancel(t.Context())
	go wire.Loop(abort, box, out, plain{out})
	require.NoError(t, srv.Pause())
	var calls []call
	send := func(c call) {
		require.NoError(t, box.Send(t.Context(), c, time.Minute))
		calls = append(calls, c)
	}
	send(noting(note, "under way"))
	redistest.Eventually(t, func() bool { return len(box.In()) == 0 })
	for range 5 {
		send(noting(note, "waiting"))
	}
	box.Stop()
	cancel()
	redistest.Eventually(t, func() bool {
		lane.Cut() // as the engine does
		select {
		case <-box.Done():
			return true
		default:
			return false
		}
	})
	for i, c := range calls {
		_, err := answer(t, c)
		require.Error(t, err)
		assert.NotEqual(t, isNotSent(err), isUnknown(err), "%d: %v", i, err)
	}
	require.NoError(t, srv.Resume())
}
