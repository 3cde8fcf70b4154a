package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// at runs f once, when the next request that calls the script has come to the proxy
// and before it is forwarded; the requests of its connection wait that long.
func at(proxy *redistest.Proxy, s *wire.Script, f func(raw []byte)) {
	var struck atomic.Bool
	proxy.OnRequest(func(_ int, raw []byte) {
		if bytes.Contains(raw, named(s)) && struck.CompareAndSwap(false, true) {
			f(raw)
		}
	})
}

// leaveDuringTake has a getter of n items leave while its take is under way, and
// returns when it has left.
func (b *bench) leaveDuringTake(proxy *redistest.Proxy, n int) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	left := make(chan struct{})
	at(proxy, queue.Take(), func([]byte) { cancel(); <-left })
	a := receive(b.t, b.getter(ctx, n))
	assert.ErrorIs(b.t, a.err, context.Canceled)
	assert.ErrorIs(b.t, a.err, engine.ErrNotSent)
	close(left)
}

const five = "i00000 i00001 i00002 i00003 i00004"

func TestLostPut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		while     func(b *bench) // between the lost reply and the repetition
		left      string
		publishes string
	}{
		"nothing happens": {func(*bench) {}, "a b c", "3"},
		"a peer takes one": {func(b *bench) {
			b.peer.Do("HDEL", "feed.items:"+b.name, b.peer.String("RPOP", "feed.ids:"+b.name))
		}, "b c", "3"},
		"a peer takes all": {func(b *bench) { b.seed("DEL feed.ids:X feed.items:X") }, "", "3"},
		"others put":       {func(b *bench) { b.seed("LPUSH feed.ids:X z", "HSET feed.items:X z z") }, "a b c z", "3"},
		"another engine puts": {func(b *bench) {
			_, err := b.another().Put(context.Background(), []byte("z"))
			require.NoError(b.t, err)
		}, "a b c z", "4"},
		"redis forgets the scripts": {func(b *bench) { b.peer.Do("SCRIPT", "FLUSH") }, "a b c", "3"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, proxy := newPrivateProxied(t, engine.Config{})
			proxy.Refuse(true)
			lost := proxy.SwallowNext(named(queue.Put()))
			done := make(chan error, 1)
			go func() {
				outcomes, err := b.PutMany(context.Background(), bodies("a b c"))
				if err == nil && len(outcomes) != 3 {
					err = fmt.Errorf("%d outcomes", len(outcomes))
				}
				done <- err
			}()
			within(t, lost, "the put was swallowed")
			tc.while(b)
			proxy.Refuse(false)
			require.NoError(t, <-done)
			items, err := b.Peek(t.Context(), 10)
			require.NoError(t, err)
			assert.Equal(t, tc.left, text(items))
			assert.Equal(t, tc.publishes, b.state().publishes)
			assert.Empty(t, b.state().others)
		})
	}
}

func TestLostTake(t *testing.T) {
	t.Parallel()
	t.Run("the same items again", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		b.seedMany(5)
		proxy.Refuse(true)
		lost := proxy.SwallowNext(named(queue.Take()))
		got := b.getter(t.Context(), 3)
		within(t, lost, "the take was swallowed")
		assert.Equal(t, "i00003 i00004", b.state().ids, "the take ran")
		proxy.Refuse(false)
		a := receive(t, got)
		require.NoError(t, a.err)
		assert.Equal(t, "0 1 2", text(a.items))
		assert.Equal(t, "3 4", text(b.drain()))
	})
	t.Run("several times", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		b.seedMany(5)
		lose := func() (struck func()) {
			var lost []<-chan struct{}
			for range 4 {
				lost = append(lost, proxy.SwallowNext(named(queue.Take())))
			}
			return func() {
				for _, l := range lost {
					within(t, l, "each of the takes was swallowed")
				}
			}
		}
		struck := lose()
		assert.Equal(t, "0 1 2", text(b.take(3)))
		struck()
		struck = lose()
		assert.Equal(t, "3 4", text(b.drain()))
		struck()
	})
	t.Run("the getter has left", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		b.seedMany(5)
		lost := proxy.SwallowNext(named(queue.Take()))
		b.leaveDuringTake(proxy, 3)
		within(t, lost, "the take was swallowed")
		redistest.Eventually(t, func() bool { return b.state().ids == five }, "all are back, in order")
		assert.Equal(t, "0 1 2 3 4", text(b.drain()))
	})
	t.Run("the engine closes", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		b.seedMany(5)
		proxy.Refuse(true)
		lost := proxy.SwallowNext(named(queue.Take()))
		got := b.getter(t.Context(), 3)
		within(t, lost, "the take was swallowed")
		closed := make(chan error, 1)
		go func() { closed <- b.eng.Close(context.Background()) }()
		assert.ErrorIs(t, receive(t, got).err, engine.ErrStopped)
		proxy.Refuse(false)
		require.NoError(t, <-closed)
		assert.Equal(t, five, b.state().ids)
		assert.Equal(t, "0 1 2 3 4", text(b.another().drain()))
	})
	t.Run("the queue was deleted", func(t *testing.T) {
		t.Parallel()
		b, proxy := newProxied(t, engine.Config{})
		b.seedMany(5)
		proxy.Refuse(true)
		lost := proxy.SwallowNext(named(queue.Take()))
		got := b.getter(t.Context(), 3)
		within(t, lost, "the take was swallowed")
		b.seed("SREM feeds X", "DEL feed.ids:X feed.items:X feed.config:X")
		proxy.Refuse(false)
		assert.ErrorIs(t, receive(t, got).err, engine.ErrNoSuchName)
		assert.Empty(t, b.dump(), "nothing of the queue comes back")
	})
}

func TestLostReturn(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		while func(b *bench)
		left  string
	}{
		"nothing happens":  {func(*bench) {}, five},
		"a peer takes one": {func(b *bench) { b.seed("RPOP feed.ids:X", "HDEL feed.items:X i00000") }, "i00001 i00002 i00003 i00004"},
		"others put":       {func(b *bench) { b.seed("RPUSH feed.ids:X h", "HSET feed.items:X h 9") }, "h " + five},
		"purged":           {func(b *bench) { b.seed("DEL feed.ids:X feed.items:X") }, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, proxy := newProxied(t, engine.Config{})
			b.seedMany(5)
			lost := proxy.SwallowNext(named(queue.Return()))
			b.leaveDuringTake(proxy, 3)
			proxy.Refuse(true)
			within(t, lost, "the return was swallowed")
			tc.while(b)
			proxy.Refuse(false)
			_, err := b.Len(t.Context()) // goes behind the repetition
			require.NoError(t, err)
			assert.Equal(t, tc.left, b.state().ids)
		})
	}
}

// A first copy of a call is kept on its way while its repetition runs, and more
// after that; then it arrives.
func TestLateCopy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script *wire.Script
		call   func(b *bench, proxy *redistest.Proxy)
		after  func(b *bench)
		left   string // bodies
	}{
		"put": {queue.Put(),
			func(b *bench, _ *redistest.Proxy) {
				_, err := b.Put(context.Background(), []byte("new"))
				require.NoError(b.t, err)
			},
			func(b *bench) { assert.Equal(b.t, "0 1 2 3 4 new", text(b.drain())) }, ""},
		"put many, one high": {queue.Put(),
			func(b *bench, _ *redistest.Proxy) {
				_, err := b.PutMany(context.Background(), bodies("x y"), queue.PutOptions{Priority: queue.High})
				require.NoError(b.t, err)
			},
			func(b *bench) { assert.Equal(b.t, "y x 0", text(b.take(3))) }, "1 2 3 4"},
		"take": {queue.Take(),
			func(b *bench, _ *redistest.Proxy) { assert.Equal(b.t, "0 1", text(b.take(2))) },
			func(b *bench) { assert.Equal(b.t, "2", text(b.take(1))) }, "3 4"},
		"the only take": {queue.Take(),
			func(b *bench, _ *redistest.Proxy) { assert.Equal(b.t, "0 1", text(b.take(2))) },
			func(*bench) {}, "2 3 4"},
		"take of an empty queue": {queue.Take(),
			func(b *bench, _ *redistest.Proxy) {
				b.seed("DEL feed.ids:X feed.items:X")
				_, err := b.TryGet(context.Background())
				assert.ErrorIs(b.t, err, queue.ErrEmpty)
			},
			func(b *bench) { b.seedMany(2) }, "0 1"},
		"purge": {queue.Purge(),
			func(b *bench, _ *redistest.Proxy) {
				_, err := b.Purge(context.Background())
				require.NoError(b.t, err)
			},
			func(b *bench) {
				_, err := b.PutMany(context.Background(), bodies("a b"))
				require.NoError(b.t, err)
			}, "a b"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, proxy := newProxied(t, engine.Config{Timeout: 100 * time.Millisecond})
			b.seedMany(5)
			letGo, arrived := make(chan struct{}), make(chan struct{})
			var late []byte
			at(proxy, tc.script, func(raw []byte) {
				late = bytes.Clone(raw)
				<-letGo
				close(arrived)
			})
			tc.call(b, proxy)
			tc.after(b)
			want := b.dump()
			close(letGo)
			within(t, arrived, "the copy went on")
			b.again(late) // so that one arrives before the next line for sure
			assert.Equal(t, want, b.dump())
			assert.Equal(t, tc.left, text(b.drain()))
		})
	}
}

// again sends a request that the engine has sent, once more.
func (b *bench) again(request []byte) {
	b.t.Helper()
	var args []any
	for rest := request[bytes.IndexByte(request, '\n')+1:]; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		n, err := strconv.Atoi(strings.TrimSpace(string(rest[1:end])))
		require.NoError(b.t, err)
		args = append(args, string(rest[end+1:end+1+n]))
		rest = rest[end+1+n+2:]
	}
	b.peer.Do(args...)
}

// Redis refuses a put, out of memory, and runs one that was sent behind it, since a take in between has made room. Then all
// answers are lost: the one that was refused has to run when it is repeated, the other must not run again.
func TestRefusedAndOvertaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	call := func(number int, id string) {
		t.Helper()
		keys := []string{"feed.ids:" + b.name, "feed.items:" + b.name, "feed.publishes:" + b.name, "feed.config:" + b.name, "feed.done:" + b.name + ":peer"}
		b.peer.Eval(queue.Put().Source(), keys, "1", fmt.Sprintf("%016d", number), id, id, "0")
	}
	queued := func() string { return strings.Join(b.peer.Strings("LRANGE", "feed.ids:"+b.name, 0, -1), " ") }
	call(4, "a")
	call(2, "z") // the very first was refused, and is no late copy
	assert.Equal(t, "z a", queued())
	b.peer.Do("DEL", "feed.ids:"+b.name, "feed.items:"+b.name, "feed.done:"+b.name+":peer")
	call(3, "old")
	b.peer.Do("DEL", "feed.ids:"+b.name, "feed.items:"+b.name)
	call(4, "a")
	call(6, "c") // 5 was refused
	assert.Equal(t, "c a", queued())
	call(5, "b")
	assert.Equal(t, "b c a", queued())
	for range 2 {
		for i, id := range []string{"a", "b", "c", "old"} {
			call([]int{4, 5, 6, 3}[i], id)
		}
	}
	assert.Equal(t, "b c a", queued(), "each once, and a late copy from before is none of them")
	for i := 10; i < 400; i += 2 {
		call(i, fmt.Sprint(i)) // many calls: the first are no longer known each
	}
	many := queued()
	call(5, "b")
	call(398, "398")
	assert.Equal(t, many, queued())
	call(397, "397")
	assert.Equal(t, "397 "+many, queued())
	assert.Less(t, b.peer.Int("STRLEN", "feed.done:"+b.name+":peer"), int64(800))
	for i := 401; i < 800; i++ { // 400 was refused, and these follow one another
		call(i, fmt.Sprint(i))
	}
	many = queued()
	call(401, "401")
	call(799, "799")
	assert.Equal(t, many, queued())
	call(400, "400")
	assert.Equal(t, "400 "+many, queued(), "however many have run since")
}
