package queue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
)

// An act is one call on a queue; what it answers is a text.
type act func(ctx context.Context, b *bench) (string, error)

func get(n int) act {
	return func(ctx context.Context, b *bench) (string, error) {
		items, err := b.GetUpTo(ctx, n, 0)
		return text(items), err
	}
}

// drainAll takes until the queue is empty.
func drainAll(_ context.Context, b *bench) (string, error) { return text(b.drain()), nil }

func tryGet(ctx context.Context, b *bench) (string, error) {
	it, err := b.TryGet(ctx)
	return string(it.Body), err
}

func peek(n int) act {
	return func(ctx context.Context, b *bench) (string, error) {
		items, err := b.Peek(ctx, n)
		return text(items), err
	}
}

func length(ctx context.Context, b *bench) (string, error) {
	n, err := b.Len(ctx)
	return fmt.Sprint(n), err
}

func ids(ctx context.Context, b *bench) (string, error) {
	list, err := b.IDs(ctx)
	return strings.Join(list, " "), err
}

func purge(ctx context.Context, b *bench) (string, error) {
	n, err := b.Purge(ctx)
	return fmt.Sprint(n), err
}

// Three items, a is next, as peers put them.
var abc = []string{"HSET feed.items:X a 1 b 2 c 3", "RPUSH feed.ids:X c b a"}

func TestStates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		seed  []string
		act   act
		says  string
		err   error
		ids   string // from the one that is next
		items string
	}{
		"get":                  {seed: abc, act: get(1), says: "1", ids: "b c", items: "b=2 c=3"},
		"get some":             {seed: abc, act: get(2), says: "1 2", ids: "c", items: "c=3"},
		"get more than are":    {seed: abc, act: get(9), says: "1 2 3"},
		"try":                  {seed: abc, act: tryGet, says: "1", ids: "b c", items: "b=2 c=3"},
		"try an empty one":     {act: tryGet, err: queue.ErrEmpty},
		"get an empty item":    {seed: []string{"LPUSH feed.ids:X a", "EVAL return(redis.call('HSET',KEYS[1],'a','')) 1 feed.items:X"}, act: get(1), says: ""},
		"drain":                {seed: abc, act: drainAll, says: "1 2 3"},
		"an id without item":   {seed: []string{"RPUSH feed.ids:X c b a", "HSET feed.items:X b 2 c 3"}, act: get(1), says: "2", ids: "c", items: "c=3"},
		"ids without items":    {seed: []string{"RPUSH feed.ids:X c b a", "HSET feed.items:X c 3"}, act: get(2), says: "3"},
		"only such ids":        {seed: []string{"RPUSH feed.ids:X c b a"}, act: tryGet, err: queue.ErrEmpty},
		"an id twice":          {seed: []string{"RPUSH feed.ids:X b a a", "HSET feed.items:X a 1 b 2"}, act: get(3), says: "1 2"},
		"an id twice, apart":   {seed: []string{"RPUSH feed.ids:X a b a", "HSET feed.items:X a 1 b 2"}, act: get(1), says: "1", ids: "b a", items: "b=2"},
		"and its rest":         {seed: []string{"RPUSH feed.ids:X a b a", "HSET feed.items:X a 1 b 2"}, act: drainAll, says: "1 2"},
		"an item without id":   {seed: []string{"RPUSH feed.ids:X a", "HSET feed.items:X a 1 z 9"}, act: drainAll, says: "1", items: "z=9"},
		"a peer's count stays": {seed: append([]string{"SET feed.publishes:X 41"}, abc...), act: drainAll, says: "1 2 3"},

		"peek":                  {seed: abc, act: peek(2), says: "1 2", ids: "a b c", items: "a=1 b=2 c=3"},
		"peek at more than are": {seed: abc, act: peek(9), says: "1 2 3", ids: "a b c", items: "a=1 b=2 c=3"},
		"peek at nothing":       {seed: abc, act: peek(0), says: "", ids: "a b c", items: "a=1 b=2 c=3"},
		"peek past ids without items": {seed: []string{"RPUSH feed.ids:X c b a", "HSET feed.items:X c 3"}, act: peek(1), says: "3", ids: "a b c",
			items: "c=3"},
		"length":                  {seed: abc, act: length, says: "3", ids: "a b c", items: "a=1 b=2 c=3"},
		"length of nothing":       {act: length, says: "0"},
		"ids":                     {seed: abc, act: ids, says: "a b c", ids: "a b c", items: "a=1 b=2 c=3"},
		"purge":                   {seed: abc, act: purge, says: "3"},
		"purge nothing":           {act: purge, says: "0"},
		"purge what has no ids":   {seed: []string{"HSET feed.items:X a 1 b 2"}, act: purge, says: "2"},
		"purge what has no items": {seed: []string{"RPUSH feed.ids:X a b"}, act: purge, says: "0"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.seed(tc.seed...)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			says, err := tc.act(ctx, b)
			assert.ErrorIs(t, err, tc.err)
			assert.Equal(t, tc.says, says)
			want := state{ids: tc.ids, items: tc.items, config: map[string]string{"type": "queue"}}
			if strings.Contains(name, "count") {
				want.publishes = "41"
			}
			assert.Equal(t, want, b.state())
		})
	}
}

// What is put stands where peers look for it: they take from the right.
func TestPutStates(t *testing.T) {
	t.Parallel()
	high := queue.PutOptions{Priority: queue.High}
	tests := map[string]struct {
		put   func(ctx context.Context, b *bench) error
		order string // in which a peer takes
		puts  string
	}{
		"one":  {func(ctx context.Context, b *bench) error { _, err := b.Put(ctx, []byte("x")); return err }, "1 2 3 x", "1"},
		"high": {func(ctx context.Context, b *bench) error { _, err := b.Put(ctx, []byte("x"), high); return err }, "x 1 2 3", "1"},
		"many": {func(ctx context.Context, b *bench) error { _, err := b.PutMany(ctx, bodies("x y z")); return err }, "1 2 3 x y z", "3"},
		"many high: the last is the next": {
			func(ctx context.Context, b *bench) error { _, err := b.PutMany(ctx, bodies("x y z"), high); return err }, "z y x 1 2 3", "3"},
		"the last options count": {
			func(ctx context.Context, b *bench) error {
				_, err := b.Put(ctx, []byte("x"), high, queue.PutOptions{})
				return err
			}, "1 2 3 x", "1"},
		"none": {func(ctx context.Context, b *bench) error { _, err := b.PutMany(ctx, nil); return err }, "1 2 3", ""},
		"more than a batch": {func(ctx context.Context, b *bench) error {
			_, err := b.PutMany(ctx, bodies(strings.Repeat("x ", 600)))
			return err
		}, "1 2 3" + strings.Repeat(" x", 600), "600"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.seed(abc...)
			require.NoError(t, tc.put(t.Context(), b))
			assert.Equal(t, tc.puts, b.state().publishes)
			var order []string
			for {
				id := b.peer.String("RPOP", "feed.ids:"+b.name)
				if id == "" {
					break
				}
				order = append(order, b.peer.String("HGET", "feed.items:"+b.name, id))
			}
			assert.Equal(t, tc.order, strings.Join(order, " "))
		})
	}
}

// A peer left more ids without items than one script looks at.
func TestManyIDsWithoutItems(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.peer.Eval(`for i = 1, 3500 do redis.call('RPUSH', KEYS[1], 'gone' .. i) end`, []string{"feed.ids:" + b.name})
	b.seed("LPUSH feed.ids:X a", "HSET feed.items:X a 1")
	items, err := b.Peek(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, "1", text(items))
	assert.Equal(t, "1", text(b.take(1)))
	assert.Empty(t, b.drain())
	assert.Equal(t, state{config: map[string]string{"type": "queue"}}, b.state())

	b.peer.Eval(`for i = 1, 3500 do redis.call('RPUSH', KEYS[1], 'gone' .. i) end`, []string{"feed.ids:" + b.name})
	_, err = b.TryGet(t.Context())
	assert.ErrorIs(t, err, queue.ErrEmpty)
}

// Each key of a queue holds another type of value: the call is refused, nothing is
// written, nothing is lost.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	calls := map[string]struct {
		act   act
		harms string // keys whose type matters to it
	}{
		"put": {func(ctx context.Context, b *bench) (string, error) { return b.Put(ctx, []byte("x")) }, "ids items publishes config"},
		"put many": {func(ctx context.Context, b *bench) (string, error) {
			_, err := b.PutMany(ctx, bodies("x y"))
			return "", err
		}, "ids items publishes config"},
		"put high": {func(ctx context.Context, b *bench) (string, error) {
			return b.Put(ctx, []byte("x"), queue.PutOptions{Priority: queue.High})
		}, "ids items publishes config"},
		"get":    {get(1), "ids items config"},
		"try":    {tryGet, "ids items config"},
		"peek":   {peek(5), "ids items config"},
		"length": {length, "ids items config"},
		"ids":    {ids, "ids config"},
		"purge":  {purge, "ids items config"},
		"config": {func(ctx context.Context, b *bench) (string, error) { _, err := b.Config(ctx); return "", err }, "config"},
	}
	for call, c := range calls {
		for _, key := range strings.Fields(c.harms) {
			for _, foreign := range []string{"SET %s text", "ZADD %s 1 one", "SADD %s one"} {
				verb, _, _ := strings.Cut(foreign, " ")
				t.Run(call+"/"+key+"/"+verb, func(t *testing.T) {
					t.Parallel()
					b := newBench(t)
					b.seed(abc...)
					b.seed("SET feed.publishes:X 3", "DEL feed."+key+":X")
					if key == "publishes" && verb == "SET" {
						b.seed("SET feed.publishes:X text")
					} else {
						b.seed(fmt.Sprintf(foreign, "feed."+key+":X"))
					}
					before := b.dump()
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					_, err := c.act(ctx, b)
					var refused *engine.RefusedError
					require.ErrorAs(t, err, &refused)
					assert.ErrorIs(t, err, engine.ErrNotSent)
					assert.NotErrorIs(t, err, engine.ErrOutcomeUnknown)
					assert.Contains(t, err.Error(), b.name)
					assert.Equal(t, before, b.dump())
				})
			}
		}
	}
}
