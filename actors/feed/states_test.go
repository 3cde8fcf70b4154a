package feed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
)

// An act is one call on a feed.
type act func(ctx context.Context, f *feed.Feed) error

func publishMany(list string) act {
	return func(ctx context.Context, f *feed.Feed) error {
		ids, err := f.PublishMany(ctx, items(list))
		if err == nil && len(ids) != len(items(list)) {
			return fmt.Errorf("%d ids for %d items", len(ids), len(items(list)))
		}
		return err
	}
}

func publishAs(id, body string) act {
	return func(ctx context.Context, f *feed.Feed) error { return f.PublishAs(ctx, id, []byte(body)) }
}

func retract(id string) act {
	return func(ctx context.Context, f *feed.Feed) error { return f.Retract(ctx, id) }
}

// Three items of this century in milliseconds, oldest first.
var abc = []string{
	"ZADD feed.ids:X 1600000000001 a 1600000000002 b 1600000000003 c",
	"HSET feed.items:X a 1 b 2 c 3",
}

func TestStates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		bound     string // max_length as a peer wrote it; empty: none
		seed      []string
		act       act
		err       error
		ids       string
		items     string // sorted by nothing: compared as a map
		publishes string
		messages  string // separated by comma
	}{
		"publish into an empty feed": {
			act: publishAs("a", "1"), ids: "a", items: "a=1", publishes: "1", messages: "publish a=1"},
		"publish an empty item": {
			act: publishAs("a", ""), ids: "a", items: "a=", publishes: "1", messages: "publish a="},
		"publish behind others": {
			seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"edit moves to the end": {
			seed: abc, act: publishAs("a", "9"), ids: "b c a", items: "a=9 b=2 c=3", publishes: "1", messages: "edit a=9"},
		"edit with the same body is an edit": {
			seed: abc, act: publishAs("a", "1"), ids: "b c a", items: "a=1 b=2 c=3", publishes: "1", messages: "edit a=1"},
		"at the bound": {
			bound: "3", seed: abc, act: publishAs("d", "4"), ids: "b c d", items: "b=2 c=3 d=4", publishes: "1",
			messages: "retract a,publish d=4"},
		"below the bound": {
			bound: "4", seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"above the bound": {
			bound: "2", seed: abc, act: publishAs("d", "4"), ids: "c d", items: "c=3 d=4", publishes: "1",
			messages: "retract a,retract b,publish d=4"},
		"bound of one": {
			bound: "1", seed: abc, act: publishAs("d", "4"), ids: "d", items: "d=4", publishes: "1",
			messages: "retract a,retract b,retract c,publish d=4"},
		"edit at the bound evicts nothing": {
			bound: "3", seed: abc, act: publishAs("b", "9"), ids: "a c b", items: "a=1 c=3 b=9", publishes: "1", messages: "edit b=9"},
		"edit of the oldest at the bound": {
			bound: "3", seed: abc, act: publishAs("a", "9"), ids: "b c a", items: "b=2 c=3 a=9", publishes: "1", messages: "edit a=9"},
		"edit above the bound evicts the others": {
			bound: "2", seed: abc, act: publishAs("a", "9"), ids: "c a", items: "c=3 a=9", publishes: "1", messages: "retract b,edit a=9"},
		"edit above a bound of one": {
			bound: "1", seed: abc, act: publishAs("a", "9"), ids: "a", items: "a=9", publishes: "1", messages: "retract b,retract c,edit a=9"},

		"many": {
			seed: abc, act: publishMany("d=4 e=5"), ids: "a b c d e", items: "a=1 b=2 c=3 d=4 e=5", publishes: "2",
			messages: "publish d=4,publish e=5"},
		"many with an edit": {
			seed: abc, act: publishMany("d=4 a=9 e=5"), ids: "b c d a e", items: "a=9 b=2 c=3 d=4 e=5", publishes: "3",
			messages: "publish d=4,edit a=9,publish e=5"},
		"many with one id twice": {
			seed: abc, act: publishMany("d=4 e=5 d=6"), ids: "a b c e d", items: "a=1 b=2 c=3 e=5 d=6", publishes: "3",
			messages: "publish d=4,publish e=5,edit d=6"},
		"many at the bound": {
			bound: "3", seed: abc, act: publishMany("d=4 e=5"), ids: "c d e", items: "c=3 d=4 e=5", publishes: "2",
			messages: "retract a,publish d=4,retract b,publish e=5"},
		"many at the bound with an edit of what goes": {
			bound: "3", seed: abc, act: publishMany("d=4 a=9"), ids: "c d a", items: "c=3 d=4 a=9", publishes: "2",
			messages: "retract a,publish d=4,retract b,publish a=9"},
		"many at the bound with one id twice": {
			bound: "3", seed: abc, act: publishMany("d=4 d=5"), ids: "b c d", items: "b=2 c=3 d=5", publishes: "2",
			messages: "retract a,publish d=4,edit d=5"},
		"more than the bound at once": {
			bound: "2", act: publishMany("a=1 b=2 c=3"), ids: "b c", items: "b=2 c=3", publishes: "3",
			messages: "publish a=1,publish b=2,retract a,publish c=3"},
		"more than the bound at once, one id again after it went": {
			bound: "2", act: publishMany("a=1 b=2 c=3 a=4"), ids: "c a", items: "c=3 a=4", publishes: "4",
			messages: "publish a=1,publish b=2,retract a,publish c=3,retract b,publish a=4"},

		"retract": {
			seed: abc, act: retract("b"), ids: "a c", items: "a=1 c=3", messages: "retract b"},
		"retract the last": {
			seed: []string{"ZADD feed.ids:X 1 a", "HSET feed.items:X a 1"}, act: retract("a"), messages: "retract a"},
		"retract what is not there": {
			seed: abc, act: retract("z"), err: feed.ErrNotFound, ids: "a b c", items: "a=1 b=2 c=3"},
		"retract an id without an item": {
			seed: []string{"ZADD feed.ids:X 1 a 2 b", "HSET feed.items:X b 2"}, act: retract("a"), ids: "b", items: "b=2", messages: "retract a"},
		"retract an item without an id": {
			seed: []string{"ZADD feed.ids:X 2 b", "HSET feed.items:X a 1 b 2"}, act: retract("a"), err: feed.ErrNotFound, ids: "b", items: "a=1 b=2"},

		"publish over an id without an item": {
			seed: []string{"ZADD feed.ids:X 1600000000001 a 1600000000002 b", "HSET feed.items:X b 2"}, act: publishAs("a", "1"),
			ids: "b a", items: "a=1 b=2", publishes: "1", messages: "edit a=1"},
		"publish over an item without an id": {
			seed: []string{"ZADD feed.ids:X 1600000000002 b", "HSET feed.items:X a 1 b 2"}, act: publishAs("a", "9"),
			ids: "b a", items: "a=9 b=2", publishes: "1", messages: "publish a=9"},
		"evict an id without an item": {
			bound: "2", seed: []string{"ZADD feed.ids:X 1600000000001 a 1600000000002 b", "HSET feed.items:X b 2"}, act: publishAs("c", "3"),
			ids: "b c", items: "b=2 c=3", publishes: "1", messages: "retract a,publish c=3"},

		"a peer's bound of 0 is none":        {bound: "0", seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"a peer's bound of -1 is none":       {bound: "-1", seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"a peer's bound of x is none":        {bound: "x", seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"a peer's bound of 1.5 is none":      {bound: "1.5", seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"a peer's bound of inf is none":      {bound: "inf", seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"a peer's bound of nan is none":      {bound: "nan", seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"a peer's bound of 1e0 is no number": {bound: "1e0", seed: abc, act: publishAs("d", "4"), ids: "a b c d", items: "a=1 b=2 c=3 d=4", publishes: "1", messages: "publish d=4"},
		"a peer's count goes on": {
			seed: append([]string{"SET feed.publishes:X 41"}, abc...), act: publishMany("d=4 a=9"), ids: "b c d a", items: "a=9 b=2 c=3 d=4",
			publishes: "43", messages: "publish d=4,edit a=9"},

		// An item of a peer with a score that no clock will reach stays the last one;
		// what is published must nevertheless be stored, and never evict itself.
		"behind a score of infinity": {
			seed: []string{"ZADD feed.ids:X 1600000000001 a inf i", "HSET feed.items:X a 1 i 0"}, act: publishMany("b=2 c=3"),
			ids: "a b c i", items: "a=1 b=2 c=3 i=0", publishes: "2", messages: "publish b=2,publish c=3"},
		"at a bound of one behind infinity": {
			bound: "1", seed: []string{"ZADD feed.ids:X inf i", "HSET feed.items:X i 0"}, act: publishMany("b=2 b=3"),
			ids: "b", items: "b=3", publishes: "2", messages: "retract i,publish b=2,edit b=3"},
		"edit above the bound behind infinity": {
			bound: "1", seed: []string{"ZADD feed.ids:X 1600000000001 a inf i", "HSET feed.items:X a 1 i 0"}, act: publishAs("a", "9"),
			ids: "a", items: "a=9", publishes: "1", messages: "retract i,edit a=9"},
		"edit of infinity": {
			seed: []string{"ZADD feed.ids:X 1600000000001 a inf i", "HSET feed.items:X a 1 i 0"}, act: publishAs("i", "9"),
			ids: "a i", items: "a=1 i=9", publishes: "1", messages: "edit i=9"},
		"behind a negative score": {
			seed: []string{"ZADD feed.ids:X -inf m -5 n", "HSET feed.items:X m 0 n 0"}, act: publishMany("a=1 b=2"),
			ids: "m n a b", items: "m=0 n=0 a=1 b=2", publishes: "2", messages: "publish a=1,publish b=2"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, feed.Config{})
			config := map[string]string{"type": "feed"}
			if tc.bound != "" {
				b.seed("HSET feed.config:X max_length " + tc.bound)
				config["max_length"] = tc.bound
			}
			b.seed(tc.seed...)
			assert.ErrorIs(t, tc.act(t.Context(), b.Feed), tc.err)

			want := state{ids: tc.ids, items: map[string]string{}, publishes: tc.publishes, config: config}
			for _, it := range items(tc.items) {
				want.items[it.ID] = string(it.Body)
			}
			assert.Equal(t, want, b.state())
			assert.Equal(t, tc.messages, strings.Join(b.messages(t), ","))
		})
	}
}

// Each key of a feed holds another type of value: the call is refused, and
// nothing is written, whatever the order in which a script touches its keys.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	keys := map[string][]string{
		"ids":       {"feed.ids:X"},
		"items":     {"feed.items:X"},
		"publishes": {"feed.publishes:X"},
		"config":    {"feed.config:X"},
	}
	calls := map[string]struct {
		act   act
		harms []string // keys whose type matters to it
	}{
		"publish":   {publishAs("new", "1"), []string{"ids", "items", "publishes", "config"}},
		"edit many": {publishMany("a=9 new=1 b=8"), []string{"ids", "items", "publishes", "config"}},
		"retract":   {retract("a"), []string{"ids", "items", "config"}},
		"configure": {func(ctx context.Context, f *feed.Feed) error {
			return f.Configure(ctx, feed.Config{Title: "T"})
		}, []string{"config"}},
		"get":    {func(ctx context.Context, f *feed.Feed) error { _, err := f.Get(ctx, "a"); return err }, []string{"items", "config"}},
		"has":    {func(ctx context.Context, f *feed.Feed) error { _, err := f.Has(ctx, "a"); return err }, []string{"ids", "config"}},
		"len":    {func(ctx context.Context, f *feed.Feed) error { _, err := f.Len(ctx); return err }, []string{"ids", "config"}},
		"ids":    {func(ctx context.Context, f *feed.Feed) error { _, err := f.IDs(ctx); return err }, []string{"ids", "config"}},
		"newest": {func(ctx context.Context, f *feed.Feed) error { _, err := f.Newest(ctx, 3); return err }, []string{"ids", "items", "config"}},
		"config": {func(ctx context.Context, f *feed.Feed) error { _, err := f.Config(ctx); return err }, []string{"config"}},
	}
	for call, c := range calls {
		for _, key := range c.harms {
			for _, foreign := range []string{"SET %s text", "RPUSH %s one two", "SADD %s one"} {
				verb, _, _ := strings.Cut(foreign, " ")
				t.Run(call+"/"+key+"/"+verb, func(t *testing.T) {
					t.Parallel()
					b := newBench(t, feed.Config{MaxLength: 2})
					b.seed(abc...)
					b.seed("SET feed.publishes:X 3")
					b.seed("DEL "+keys[key][0], fmt.Sprintf(foreign, keys[key][0]))
					before := b.peer.Dump(b.name)

					err := c.act(t.Context(), b.Feed)
					var refused *engine.RefusedError
					require.ErrorAs(t, err, &refused)
					assert.ErrorIs(t, err, engine.ErrNotSent)
					assert.NotErrorIs(t, err, engine.ErrOutcomeUnknown)
					assert.Contains(t, err.Error(), b.name)
					assert.Equal(t, before, b.peer.Dump(b.name))
					assert.Empty(t, b.messages(t))
				})
			}
		}
	}
}

// The feed goes away, or comes back as something else, under a handle.
func TestGoneUnderHandle(t *testing.T) {
	t.Parallel()
	calls := map[string]act{
		"publish":   publishAs("a", "1"),
		"many":      publishMany("a=1 b=2"),
		"retract":   retract("a"),
		"configure": func(ctx context.Context, f *feed.Feed) error { return f.Configure(ctx, feed.Config{MaxLength: 1}) },
		"config":    func(ctx context.Context, f *feed.Feed) error { _, err := f.Config(ctx); return err },
		"get":       func(ctx context.Context, f *feed.Feed) error { _, err := f.Get(ctx, "a"); return err },
		"get many": func(ctx context.Context, f *feed.Feed) error {
			_, err := f.GetMany(ctx, []string{"a", "b"})
			return err
		},
		"has":    func(ctx context.Context, f *feed.Feed) error { _, err := f.Has(ctx, "a"); return err },
		"len":    func(ctx context.Context, f *feed.Feed) error { _, err := f.Len(ctx); return err },
		"ids":    func(ctx context.Context, f *feed.Feed) error { _, err := f.IDs(ctx); return err },
		"newest": func(ctx context.Context, f *feed.Feed) error { _, err := f.Newest(ctx, 3); return err },
		"oldest": func(ctx context.Context, f *feed.Feed) error { _, err := f.Oldest(ctx, 3); return err },
		"all": func(ctx context.Context, f *feed.Feed) (err error) {
			for _, e := range f.All(ctx) {
				err = errors.Join(err, e)
			}
			return err
		},
		"follow": func(ctx context.Context, f *feed.Feed) error {
			sub, err := f.Follow(ctx, feed.FollowOptions{Snapshot: true})
			if err != nil {
				return err
			}
			defer sub.Close()
			_, err = sub.Next(ctx)
			return err
		},
	}
	gone := map[string]struct {
		how  []string
		err  error
		says string
	}{
		"deleted by a peer":    {[]string{"SREM feeds X", "DEL feed.ids:X feed.items:X feed.publishes:X feed.config:X"}, engine.ErrNoSuchName, ""},
		"recreated as a queue": {[]string{"DEL feed.ids:X feed.items:X", "HSET feed.config:X type queue", "RPUSH feed.ids:X q"}, engine.ErrWrongType, "it is a queue, not a feed"},
		"recreated as a sorted feed": {[]string{"DEL feed.ids:X feed.items:X", "HSET feed.config:X type sorted_feed", "RPUSH feed.ids:X 1"},
			engine.ErrWrongType, "it is a sorted_feed, not a feed"},
		"recreated as a job set": {[]string{"HSET feed.config:X type job"}, engine.ErrWrongType, "it is a job, not a feed"},
		"of a type nobody knows": {[]string{"HSET feed.config:X type soup"}, engine.ErrWrongType, "not a feed"},
	}
	for what, g := range gone {
		for call, act := range calls {
			t.Run(what+"/"+call, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, feed.Config{})
				b.seed(abc...)
				b.seed(g.how...)
				before := b.peer.Dump(b.name)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := act(ctx, b.Feed)
				require.ErrorIs(t, err, g.err)
				assert.NotErrorIs(t, err, engine.ErrOutcomeUnknown)
				assert.Contains(t, err.Error(), g.says)
				assert.Equal(t, before, b.peer.Dump(b.name), "something was written")
				assert.Empty(t, b.messages(t))
			})
		}
	}
}
