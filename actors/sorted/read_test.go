package sorted_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBench(t)
	require.Equal(t, "", all(t, b.Sorted))
	// 2 was lost from the list, 5 and 8 have no item.
	b.seed("RPUSH feed.ids:X 5 3 1 8 4", "HSET feed.items:X 1 a 2 b 3 c 4 d", "HSET feed.items:X 6 _")
	require.Equal(t, "3=c 1=a 4=d", all(t, b.Sorted))

	ids, err := b.IDs(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"5", "3", "1", "8", "4"}, ids)
	n, err := b.Len(ctx)
	require.NoError(t, err)
	require.Equal(t, 5, n)

	body, err := b.Get(ctx, "2")
	require.NoError(t, err)
	require.Equal(t, "b", string(body))
	_, err = b.Get(ctx, "5")
	require.ErrorIs(t, err, sorted.ErrNotFound)
	items, err := b.GetMany(ctx, []string{"4", "9", "6", "4"})
	require.NoError(t, err)
	require.Equal(t, []sorted.Item{{"4", []byte("d")}, {"6", []byte{0}}, {"4", []byte("d")}}, items)

	for id, want := range map[string]int{"3": 1, "4": 4, "1": 2, "2": -1, "5": -1, "9": -1} {
		i, err := b.Index(ctx, id)
		if want < 0 {
			require.ErrorIs(t, err, sorted.ErrNotFound, id)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, i, id)
	}
}

func TestReadGone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBench(t)
	require.NoError(t, b.eng.Delete(ctx, b.name))
	check := func(want error) {
		t.Helper()
		_, err := b.Get(ctx, "1")
		require.ErrorIs(t, err, want)
		_, err = b.Len(ctx)
		require.ErrorIs(t, err, want)
		_, err = b.IDs(ctx)
		require.ErrorIs(t, err, want)
		_, err = b.Index(ctx, "1")
		require.ErrorIs(t, err, want)
		_, err = b.Config(ctx)
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, b.Configure(ctx, sorted.Config{}), want)
		n := 0
		for _, err := range b.All(ctx) {
			n++
			require.ErrorIs(t, err, want)
		}
		require.Equal(t, 1, n)
	}
	check(engine.ErrNoSuchName)
	require.NoError(t, b.eng.Create(ctx, b.name, engine.TypeQueue, nil))
	check(engine.ErrWrongType)
	_, err := b.eng.Sorted(ctx, b.name, sorted.Config{})
	require.ErrorIs(t, err, engine.ErrWrongType)
}

// TestAllUnderChange: what stays and is not moved is seen exactly once, whatever
// happens to the others between two pages.
func TestAllUnderChange(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const size = 3000
	eng := openEngine(t, redistest.Shared(t).URL())
	for name, change := range map[string]func(b *bench, at int, id string){
		"nothing": func(*bench, int, string) {},
		"retract what was seen": func(b *bench, at int, id string) {
			if at%7 > 0 {
				must(t, b.Sorted, retract(id))
			}
		},
		"retract everything seen": func(b *bench, _ int, id string) { must(t, b.Sorted, retract(id)) },
		"prepend": func(b *bench, at int, _ string) {
			if at%3 == 0 {
				must(t, b.Sorted, insert("new", sorted.First))
			}
		},
		"move what was seen to the end": func(b *bench, at int, id string) {
			if at < size/2 {
				must(t, b.Sorted, move(id, sorted.Last))
			}
		},
		"move what comes to the front": func(b *bench, at int, _ string) {
			if at%10 == 9 {
				must(t, b.Sorted, move(strconv.Itoa(size-at/10), sorted.First))
			}
		},
		"insert beside what was seen": func(b *bench, at int, id string) {
			must(t, b.Sorted, insert("new", []sorted.Position{sorted.Before(id), sorted.After(id)}[at%2]))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := benchOn(t, eng, redistest.Shared(t).URL())
			b.fill(size, "x")
			seen, at := map[string]int{}, 0
			for it, err := range b.All(ctx) {
				require.NoError(t, err)
				seen[it.ID]++
				if string(it.Body) == "x" {
					change(b, at, it.ID)
					at++
				}
			}
			moved := map[string]bool{}
			for _, m := range b.messages(t) {
				if rest, ok := strings.CutPrefix(m, "position "); ok {
					id, _, _ := strings.Cut(rest, "=")
					moved[id] = true
				}
			}
			for i := 1; i <= size; i++ {
				if id := strconv.Itoa(i); !moved[id] {
					require.Equal(t, 1, seen[id], id)
				}
			}
			for id, n := range seen {
				require.Equal(t, 1, n, id)
			}
		})
	}
}

// TestPages: a page takes as many items as their size allows, also when the first ones
// did not show what comes.
func TestPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(400, "x")
	large := strings.Repeat("x", 1_500_000)
	for id := 300; id < 330; id++ {
		b.peer.Do("HSET", "feed.items:"+b.name, id, large)
	}
	sub := follow(t, b.Sorted, sorted.FollowOptions{Snapshot: true})
	id := 0
	for it, err := range b.All(context.Background()) {
		require.NoError(t, err)
		id++
		e, err := sub.Next(context.Background())
		require.NoError(t, err)
		require.Equal(t, []string{strconv.Itoa(id), strconv.Itoa(id)}, []string{it.ID, e.ID})
		want := "x"
		if id >= 300 && id < 330 {
			want = large
		}
		require.True(t, string(it.Body) == want && string(e.Body) == want)
	}
	require.Equal(t, 400, id)
	require.Equal(t, []string{"synced"}, next(t, sub, 1))
}

func TestConfig(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBench(t)
	cfg := sorted.Config{Title: "To do", Serializer: "json", Extra: map[string]string{"owner": "me"}}
	require.NoError(t, b.Configure(ctx, cfg))
	got, err := b.Config(ctx)
	require.NoError(t, err)
	require.Equal(t, cfg, got)
	require.NoError(t, b.Configure(ctx, sorted.Config{Serializer: "xml"}))
	b.peer.Do("HSET", "feed.config:"+b.name, "max_length", 2) // as a peer does
	got, err = b.Config(ctx)
	require.NoError(t, err)
	require.Equal(t, sorted.Config{Serializer: "xml", Extra: map[string]string{"owner": "me"}}, got)
	for range 4 {
		must(t, b.Sorted, insert("x", sorted.Last))
	}
	require.Equal(t, "1 2 3 4", b.state().ids) // max_length does not apply

	for _, bad := range []sorted.Config{
		{Extra: map[string]string{"max_length": "2"}},
		{Extra: map[string]string{"title": "x"}},
		{Extra: map[string]string{"type": "feed"}},
		{Extra: map[string]string{"": "x"}},
	} {
		require.ErrorIs(t, b.Configure(ctx, bad), catalog.ErrInvalid, fmt.Sprint(bad))
		_, err := b.eng.Sorted(ctx, b.name, bad)
		require.ErrorIs(t, err, sorted.ErrInvalidConfig)
		require.ErrorIs(t, err, engine.ErrNotSent)
	}
	again, err := b.eng.Sorted(ctx, b.name, sorted.Config{Title: "ignored"})
	require.NoError(t, err)
	got, err = again.Config(ctx)
	require.NoError(t, err)
	require.Empty(t, got.Title)
}
