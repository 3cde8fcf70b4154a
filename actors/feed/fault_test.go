package feed_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A proxied feed: its engine reaches Redis through a proxy, the peer does not.
func newProxied(t *testing.T, cfg feed.Config, patience time.Duration) (*bench, *redistest.Proxy) {
	t.Helper()
	target := redistest.Shared(t)
	proxy := redistest.NewProxy(t, target.URL())
	b := benchOn(t, openEngine(t, engine.Config{URL: proxy.URL(), Patience: patience}), target.URL(), cfg)
	// Redis has to know the scripts: a swallowed NOSCRIPT would test nothing.
	ctx := t.Context()
	require.NoError(t, b.PublishAs(ctx, "warm", nil))
	require.NoError(t, b.Retract(ctx, "warm"))
	require.NoError(t, b.Configure(ctx, cfg))
	_, err := b.Newest(ctx, 1)
	require.NoError(t, err)
	b.seed("DEL feed.publishes:X")
	b.messages(t)
	return b, proxy
}

// The reply is lost, the call is made again: it must end as if made once.
func TestLostReply(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		bound    int
		seed     []string
		act      act
		while    []string // a peer's commands between the lost reply and the repetition
		ids      string
		items    string
		messages string
	}{
		"publish": {act: publishAs("a", "1"), ids: "a", items: "a=1", messages: "publish a=1"},
		"edit":    {seed: abc, act: publishAs("a", "9"), ids: "b c a", items: "b=2 c=3 a=9", messages: "edit a=9"},
		"many":    {act: publishMany("a=1 b=2 c=3"), ids: "a b c", items: "a=1 b=2 c=3", messages: "publish a=1,publish b=2,publish c=3"},
		"retract": {seed: abc, act: retract("b"), ids: "a c", items: "a=1 c=3", messages: "retract b"},
		"one id twice: the last one counts": {
			act: publishMany("a=1 a=2"), ids: "a", items: "a=2", messages: "publish a=1,edit a=2,edit a=1,edit a=2"},
		"one id three times, back to the first": {
			act: publishMany("a=1 a=2 a=1"), ids: "a", items: "a=1", messages: "publish a=1,edit a=2,edit a=1,edit a=2,edit a=1"},
		"at the bound": {
			bound: 3, seed: abc, act: publishAs("d", "4"), ids: "b c d", items: "b=2 c=3 d=4", messages: "retract a,publish d=4"},
		"more than the bound: the last ones stay, in order": {
			bound: 2, act: publishMany("a=1 b=2 c=3"), ids: "b c", items: "b=2 c=3",
			messages: "publish a=1,publish b=2,retract a,publish c=3,retract b,publish a=1,retract c,publish b=2,retract a,publish c=3"},
		"retracted by a peer in between: published again, in order": {
			act: publishMany("a=1 b=2"), while: []string{"ZREM feed.ids:X a", "HDEL feed.items:X a"},
			ids: "a b", items: "a=1 b=2", messages: "publish a=1,publish b=2,publish a=1,edit b=2"},
		"edited by a peer in between: overwritten": {
			act: publishAs("a", "1"), while: []string{"HSET feed.items:X a 7"},
			ids: "a", items: "a=1", messages: "publish a=1,edit a=1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, proxy := newProxied(t, feed.Config{MaxLength: tc.bound}, time.Minute)
			b.seed(tc.seed...)
			proxy.Refuse(true)
			lost := proxy.SwallowReplies(1)
			result := make(chan error, 1)
			go func() { result <- tc.act(context.Background(), b.Feed) }()
			<-lost
			b.seed(tc.while...)
			proxy.Refuse(false)
			require.NoError(t, <-result)

			got := b.state()
			assert.Equal(t, tc.ids, got.ids)
			want := map[string]string{}
			for _, it := range items(tc.items) {
				want[it.ID] = string(it.Body)
			}
			assert.Equal(t, want, got.items)
			assert.Equal(t, tc.messages, strings.Join(b.messages(t), ","))
		})
	}
}

// Publishing into a feed that is far above its bound stores the item and then
// evicts in steps. When a step cannot be done the item is stored all the same:
// an error that says that nothing was sent would be a lie.
func TestTrimFailsAfterPublish(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"publish", "configure"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			b, proxy := newProxied(t, feed.Config{}, 400*time.Millisecond)
			b.seedMany(5000)
			// The first reply comes, and then nothing for longer than the call waits.
			proxy.Refuse(true)
			proxy.CutAfter(1)
			var err error
			if call == "publish" {
				b.seed("HSET feed.config:X max_length 10")
				err = b.PublishAs(t.Context(), "new", []byte("1"))
			} else {
				err = b.Configure(t.Context(), feed.Config{MaxLength: 10})
			}
			assert.NotErrorIs(t, err, engine.ErrNotSent, "something was stored")
			if call == "publish" {
				assert.NoError(t, err)
				assert.Equal(t, "1", b.peer.String("HGET", "feed.items:"+b.name, "new"))
				proxy.Refuse(false)
				require.NoError(t, b.PublishAs(t.Context(), "next", nil))
			} else {
				assert.ErrorIs(t, err, engine.ErrOutcomeUnknown)
				assert.Equal(t, "10", b.peer.String("HGET", "feed.config:"+b.name, "max_length"))
				proxy.Refuse(false)
				require.NoError(t, b.Configure(t.Context(), feed.Config{MaxLength: 10}))
			}
			n, err := b.Len(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, 10, n, "the next call makes up for it")
		})
	}
}

// seedMany gives the feed n items old0000=0, old0001=1, …
func (b *bench) seedMany(n int) {
	b.peer.Eval(`for i = 0, ARGV[1] - 1 do
		local id = string.format('old%04d', i)
		redis.call('ZADD', KEYS[1], 1600000000000 + i, id)
		redis.call('HSET', KEYS[2], id, i)
	end`, []string{"feed.ids:" + b.name, "feed.items:" + b.name}, n)
}

// A feed that is more than 1000 above its bound comes down to it before the call
// returns, and every eviction is told, oldest first.
func TestFarAboveBound(t *testing.T) {
	t.Parallel()
	acts := map[string]struct {
		act  act
		last string
		stay int // of the old items
	}{
		"publish":      {publishAs("new", "1"), "publish new=1", 9},
		"publish many": {publishMany("new=1 newer=2"), "publish newer=2", 8},
		"edit":         {publishAs("old0000", "1"), "edit old0000=1", 9},
	}
	for name, tc := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, feed.Config{})
			b.seedMany(3500)
			b.seed("HSET feed.config:X max_length 10")
			require.NoError(t, tc.act(t.Context(), b.Feed))

			ids, err := b.IDs(t.Context())
			require.NoError(t, err)
			assert.Len(t, ids, 10)
			assert.Equal(t, fmt.Sprintf("old%04d", 3500-tc.stay), ids[0])
			assert.Equal(t, int64(10), b.peer.Int("HLEN", "feed.items:"+b.name))
			told := b.messages(t)
			assert.Contains(t, told, tc.last)
			var retracted []string
			for _, m := range told {
				if id, ok := strings.CutPrefix(m, "retract "); ok {
					retracted = append(retracted, id)
				}
			}
			assert.IsIncreasing(t, retracted)
			assert.Equal(t, 3500+len(told)-len(retracted)-10-boolInt(name == "edit"), len(retracted))
		})
	}
	t.Run("configure", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, feed.Config{})
		b.seedMany(3500)
		require.NoError(t, b.Configure(t.Context(), feed.Config{MaxLength: 10}))
		ids, err := b.IDs(t.Context())
		require.NoError(t, err)
		assert.Equal(t, numbered("old", 3500)[3490:], ids)
		told := b.messages(t)
		assert.Len(t, told, 3490)
		assert.Equal(t, "retract old0000", told[0])
	})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// PublishMany sends parts. A part that fails says which ids are stored, and the
// list is true.
func TestPublishManyPartly(t *testing.T) {
	t.Parallel()
	b, proxy := newProxied(t, feed.Config{}, 400*time.Millisecond) // longer than the wait for the next attempt to connect
	list := make([]feed.Item, 600)                                 // three parts
	for i := range list {
		list[i] = feed.Item{ID: fmt.Sprintf("i%04d", i), Body: []byte("x")}
	}
	proxy.Refuse(true)
	proxy.CutAfter(1)
	ids, err := b.PublishMany(t.Context(), list)
	require.ErrorIs(t, err, engine.ErrUnavailable)
	require.Equal(t, numbered("i", 256), ids)
	if stored := b.peer.Strings("ZRANGE", "feed.ids:"+b.name, 0, -1); !assert.ObjectsAreEqual(ids, stored) {
		// The second part was on its way already; then the error has to say so.
		assert.ErrorIs(t, err, engine.ErrOutcomeUnknown)
		assert.Equal(t, numbered("i", 512), stored)
	}

	proxy.Refuse(false)
	ids, err = b.PublishMany(t.Context(), list[256:])
	require.NoError(t, err)
	assert.Equal(t, numbered("i", 600)[256:], ids)
	assert.Equal(t, numbered("i", 600), b.peer.Strings("ZRANGE", "feed.ids:"+b.name, 0, -1))
}

// Everything that is wrong with an argument is found before anything is sent, and
// the other callers of the moment are not harmed.
func TestBadInput(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	proxy := redistest.NewProxy(t, target.URL())
	b := benchOn(t, openEngine(t, engine.Config{URL: proxy.URL(), MaxItem: 1000}), target.URL(), feed.Config{})
	long := strings.Repeat("n", 513)
	tests := map[string]struct {
		act  func(ctx context.Context) error
		err  error
		says string
	}{
		"empty name":    {func(ctx context.Context) error { _, err := b.eng.Feed(ctx, "", feed.Config{}); return err }, engine.ErrInvalidName, "empty"},
		"NUL in a name": {func(ctx context.Context) error { _, err := b.eng.Feed(ctx, "a\x00b", feed.Config{}); return err }, engine.ErrInvalidName, "NUL"},
		"long name":     {func(ctx context.Context) error { _, err := b.eng.Feed(ctx, long, feed.Config{}); return err }, engine.ErrInvalidName, "512"},
		"empty id":      {func(ctx context.Context) error { return b.PublishAs(ctx, "", nil) }, engine.ErrInvalidID, "empty"},
		"NUL in an id":  {func(ctx context.Context) error { return b.PublishAs(ctx, "\x00", nil) }, engine.ErrInvalidID, "NUL"},
		"long id":       {func(ctx context.Context) error { return b.PublishAs(ctx, long, nil) }, engine.ErrInvalidID, "512"},
		"large item":    {func(ctx context.Context) error { _, err := b.Publish(ctx, make([]byte, 1001)); return err }, engine.ErrItemTooLarge, "1000"},
		"large item of many": {func(ctx context.Context) error {
			_, err := b.PublishMany(ctx, []feed.Item{{ID: "ok"}, {Body: make([]byte, 1001)}})
			return err
		}, engine.ErrItemTooLarge, "item 1"},
		"NUL in an id of many": {func(ctx context.Context) error {
			_, err := b.PublishMany(ctx, []feed.Item{{ID: "ok"}, {ID: "a\x00"}})
			return err
		}, engine.ErrInvalidID, "item 1"},
		"retract of an empty id": {func(ctx context.Context) error { return b.Retract(ctx, "") }, engine.ErrInvalidID, "empty"},
		"get of a long id":       {func(ctx context.Context) error { _, err := b.Get(ctx, long); return err }, engine.ErrInvalidID, "512"},
		"get many with a NUL":    {func(ctx context.Context) error { _, err := b.GetMany(ctx, []string{"a", "\x00"}); return err }, engine.ErrInvalidID, "NUL"},
		"has of an empty id":     {func(ctx context.Context) error { _, err := b.Has(ctx, ""); return err }, engine.ErrInvalidID, "empty"},
		"follow of a long id": {func(ctx context.Context) error {
			_, err := b.Follow(ctx, feed.FollowOptions{ID: long})
			return err
		}, engine.ErrInvalidID, "512"},
		"empty pattern": {func(ctx context.Context) error {
			_, err := b.eng.FollowFeeds(ctx, "", feed.FollowOptions{})
			return err
		}, engine.ErrInvalidName, "empty"},
		"pattern with a snapshot": {func(ctx context.Context) error {
			_, err := b.eng.FollowFeeds(ctx, "*", feed.FollowOptions{Snapshot: true})
			return err
		}, feed.ErrPattern, ""},
		"negative bound": {func(ctx context.Context) error {
			_, err := b.eng.Feed(ctx, "f", feed.Config{MaxLength: -1})
			return err
		}, engine.ErrInvalidConfig, "MaxLength is -1"},
		"negative bound of an existing one": {func(ctx context.Context) error { return b.Configure(ctx, feed.Config{MaxLength: -1}) }, engine.ErrInvalidConfig, "MaxLength"},
		"bound as an extra": {func(ctx context.Context) error {
			return b.Configure(ctx, feed.Config{Extra: map[string]string{"max_length": "1"}})
		}, engine.ErrInvalidConfig, "max_length"},
		"type as an extra": {func(ctx context.Context) error {
			return b.Configure(ctx, feed.Config{Extra: map[string]string{"type": "job"}})
		}, engine.ErrInvalidConfig, "type"},
		"extra without a name": {func(ctx context.Context) error {
			return b.Configure(ctx, feed.Config{Extra: map[string]string{"": "1"}})
		}, engine.ErrInvalidConfig, "without a name"},
		"unknown unit": {func(ctx context.Context) error { return b.Configure(ctx, feed.Config{ScoreUnit: "h"}) }, engine.ErrInvalidConfig, "ScoreUnit"},
		"max_length 0": {func(ctx context.Context) error {
			return b.eng.Create(ctx, "f", engine.TypeFeed, map[string]string{"max_length": "0"})
		}, engine.ErrInvalidConfig, "at least 1"},
		"max_length -1": {func(ctx context.Context) error {
			return b.eng.Configure(ctx, b.name, map[string]string{"max_length": "-1"})
		}, engine.ErrInvalidConfig, "at least 1"},
		"unknown type":          {func(ctx context.Context) error { return b.eng.Create(ctx, "f", "soup", nil) }, engine.ErrInvalidConfig, "soup"},
		"delete without a name": {func(ctx context.Context) error { return b.eng.Delete(ctx, "") }, engine.ErrInvalidName, "empty"},
		"context that has ended": {func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return b.PublishAs(ctx, "late", nil)
		}, context.Canceled, ""},
	}
	// Good callers publish all the time, in the same batches as far as it goes.
	stop := make(chan struct{})
	good := make(chan error, 4)
	for w := range cap(good) {
		go func() {
			for {
				err := b.PublishAs(context.Background(), fmt.Sprintf("good%d", w), []byte("x"))
				select {
				case <-stop:
				default:
					if err == nil {
						continue
					}
				}
				good <- err
				return
			}
		}()
	}
	for name, tc := range tests {
		err := tc.act(t.Context())
		assert.ErrorIs(t, err, tc.err, name)
		assert.ErrorIs(t, err, engine.ErrNotSent, name)
		assert.NotErrorIs(t, err, engine.ErrOutcomeUnknown, name)
		if err != nil {
			assert.Contains(t, err.Error(), tc.says, name)
		}
	}
	close(stop)
	for range cap(good) {
		assert.NoError(t, <-good)
	}
	ids, err := b.IDs(t.Context())
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"good0", "good1", "good2", "good3"}, ids)
	assert.Equal(t, map[string]string{"type": "feed"}, b.state().config)
	assert.Equal(t, int64(0), b.peer.Int("SISMEMBER", "feeds", "f"))
}

// Limits that are just kept work, whatever bytes they consist of.
func TestAtTheLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	id := strings.Repeat("\xff\r\n:", 128) // 512 bytes
	body := []byte("\x00a\r\n\x00\xff$-1\r\n")
	require.NoError(t, b.PublishAs(t.Context(), id, body))
	got, err := b.Get(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, body, got)
	assert.Equal(t, []feed.Item{{ID: id, Body: body}}, all(t, b.Feed))
	assert.Equal(t, redistest.Message{Channel: "feed.publish:" + b.name, Payload: id + "\x00" + string(body)}, b.rec.Next(t))

	require.NoError(t, b.PublishAs(t.Context(), "empty", nil))
	got, err = b.Get(t.Context(), "empty")
	require.NoError(t, err)
	assert.NotNil(t, got)
	assert.Empty(t, got)

	odd := []string{"a:b", "*", "{x}", "[a-z]?", " ", "\n", "é", strings.Repeat("n", 512)}
	for _, name := range odd {
		name = (name + redistest.Name(t))[:min(512, len(name)+len(redistest.Name(t)))]
		f, err := b.eng.Feed(t.Context(), name, feed.Config{})
		if redistest.Shared(t).Cluster() && strings.Contains(name, "{") {
			require.ErrorIs(t, err, engine.ErrInvalidName)
			continue
		}
		require.NoError(t, err)
		sub, err := f.Follow(t.Context(), feed.FollowOptions{})
		require.NoError(t, err)
		require.NoError(t, f.PublishAs(t.Context(), "a", []byte("1")))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		e, err := sub.Next(ctx)
		cancel()
		require.NoError(t, err)
		assert.Equal(t, feed.Event{Kind: feed.Published, Feed: name, ID: "a", Body: []byte("1")}, e)
		require.NoError(t, sub.Close())
		require.NoError(t, b.eng.Delete(t.Context(), name))
	}
}
