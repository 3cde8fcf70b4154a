package sorted_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A model is a sorted feed as contract 4 describes it. Peers may have lost ids
// from the list and items from the hash.
type model struct {
	ids       []string
	items     map[string]string
	counter   int
	publishes int
	messages  []string
}

func (m *model) tell(format string, args ...any) {
	m.messages = append(m.messages, fmt.Sprintf(format, args...))
}

// place is the index in ids where a position is; false if there is none.
func (m *model) place(at sorted.Position) (int, string, bool) {
	switch at {
	case sorted.First:
		return 0, "begin:", true
	case sorted.Last:
		return len(m.ids), ":end", true
	}
	id, before := at.Before()
	text := ":" + id
	if !before {
		id, _ = at.After()
		text = id + ":"
	}
	i := slices.Index(m.ids, id)
	if _, there := m.items[id]; !there || i < 0 {
		return 0, "", false
	}
	if !before {
		i++
	}
	return i, text, true
}

func (m *model) insert(body string, at sorted.Position) (string, error) {
	i, text, ok := m.place(at)
	if !ok {
		return "", sorted.ErrNotFound
	}
	m.counter++
	m.publishes++
	id := strconv.Itoa(m.counter)
	m.ids = slices.Insert(m.ids, i, id)
	m.items[id] = body
	m.tell("publish %s=%s", id, body)
	m.tell("position %s=%s", id, text)
	return id, nil
}

func (m *model) edit(id, body string) error {
	if _, ok := m.items[id]; !ok {
		return sorted.ErrNotFound
	}
	m.items[id] = body
	m.publishes++
	m.tell("publish %s=%s", id, body)
	return nil
}

func (m *model) move(id string, to sorted.Position) error {
	if _, ok := m.items[id]; !ok {
		return sorted.ErrNotFound
	}
	if to == sorted.Before(id) || to == sorted.After(id) {
		return nil
	}
	if _, _, ok := m.place(to); !ok {
		return sorted.ErrNotFound
	}
	m.cut(id)
	i, text, _ := m.place(to)
	m.ids = slices.Insert(m.ids, i, id)
	m.tell("position %s=%s", id, text)
	return nil
}

func (m *model) cut(id string) {
	if i := slices.Index(m.ids, id); i >= 0 {
		m.ids = slices.Delete(m.ids, i, i+1)
	}
}

func (m *model) retract(id string) error {
	if _, ok := m.items[id]; !ok {
		return sorted.ErrNotFound
	}
	m.cut(id)
	delete(m.items, id)
	m.tell("retract %s", id)
	return nil
}

func (m *model) state() state {
	s := state{ids: strings.Join(m.ids, " "), items: pairs(m.items)}
	if m.counter > 0 {
		s.publishes, s.idincr = strconv.Itoa(m.publishes), strconv.Itoa(m.counter)
	}
	return s
}

// all is what All yields.
func (m *model) all() string {
	var words []string
	for _, id := range m.ids {
		if body, ok := m.items[id]; ok {
			words = append(words, id+"="+body)
		}
	}
	return strings.Join(words, " ")
}

// A game does the same on a sorted feed and on a model. Where it is random, it
// draws from draw: a number below n.
type game struct {
	t    testing.TB
	b    *bench
	m    *model
	draw func(n int) int
	step int
}

func newGame(t testing.TB, b *bench, draw func(n int) int) *game {
	return &game{t: t, b: b, m: &model{items: map[string]string{}}, draw: draw}
}

// id is one of those given away, mostly one that is there; sometimes the next.
func (g *game) id() string {
	if len(g.m.ids) > 0 && g.draw(8) > 0 {
		return g.m.ids[g.draw(len(g.m.ids))]
	}
	return strconv.Itoa(1 + g.draw(g.m.counter+1))
}

func (g *game) position() sorted.Position {
	switch g.draw(4) {
	case 0:
		return sorted.First
	case 1:
		return sorted.Last
	case 2:
		return sorted.Before(g.id())
	default:
		return sorted.After(g.id())
	}
}

// play makes one move.
func (g *game) play() {
	g.step++
	ctx, body := context.Background(), strconv.Itoa(g.step)
	var want, got error
	switch op := g.draw(100); {
	case op < 36 && len(g.m.ids) < 60:
		at := g.position()
		id, err := g.m.insert(body, at)
		var gotID string
		gotID, got = g.b.Insert(ctx, []byte(body), at)
		want = err
		require.Equal(g.t, id, gotID, "step %d: insert %s", g.step, at)
	case op < 50:
		id := g.id()
		want, got = g.m.edit(id, body), g.b.Edit(ctx, id, []byte(body))
	case op < 76:
		id, to := g.id(), g.position()
		want, got = g.m.move(id, to), g.b.Move(ctx, id, to)
	case op < 96:
		id := g.id()
		want, got = g.m.retract(id), g.b.Retract(ctx, id)
	case op < 98: // a peer loses an id from the list
		id := g.id()
		g.m.cut(id)
		g.b.peer.Do("LREM", "feed.ids:"+g.b.name, 1, id)
	default: // a peer loses an item
		id := g.id()
		delete(g.m.items, id)
		g.b.peer.Do("HDEL", "feed.items:"+g.b.name, id)
	}
	if !errors.Is(got, want) || (want == nil) != (got == nil) {
		g.t.Fatalf("step %d: want %v, got %v", g.step, want, got)
	}
}

// compare compares everything that can be read, and the messages since the last time.
func (g *game) compare() {
	g.t.Helper()
	require.Equal(g.t, g.m.state(), g.b.state(), "step %d", g.step)
	require.Equal(g.t, g.m.all(), all(g.t, g.b.Sorted), "step %d", g.step)
	ids, err := g.b.IDs(context.Background())
	require.NoError(g.t, err)
	require.Equal(g.t, strings.Join(g.m.ids, " "), strings.Join(ids, " "), "step %d", g.step)
	n, err := g.b.Len(context.Background())
	require.NoError(g.t, err)
	require.Equal(g.t, len(g.m.ids), n)
	for range 3 {
		id := g.id()
		want := slices.Index(g.m.ids, id)
		if _, ok := g.m.items[id]; !ok {
			want = -1
		}
		i, err := g.b.Index(context.Background(), id)
		if want < 0 {
			require.ErrorIs(g.t, err, sorted.ErrNotFound)
			continue
		}
		require.NoError(g.t, err)
		require.Equal(g.t, want, i)
	}
	require.Equal(g.t, g.m.messages, g.b.messages(g.t), "step %d", g.step)
	g.m.messages = []string{}
}

// TestModel does 100,000 random operations on several sorted feeds at once, each
// with a model of its own. With the race detector or on the embedded server it does
// 20,000, unless THOONK_FULL is set.
func TestModel(t *testing.T) {
	t.Parallel()
	const games = 8
	steps := 100_000 / games
	if (raced || redistest.Shared(t).Embedded()) && os.Getenv("THOONK_FULL") == "" {
		steps = 20_000 / games
	}
	url := redistest.Shared(t).URL()
	eng := openEngine(t, url)
	for n := range games {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(uint64(n), seed))
			g := newGame(t, benchOn(t, eng, url), rng.IntN)
			g.m.messages = []string{}
			for i := range steps {
				g.play()
				if i%100 == 99 {
					g.compare()
				}
			}
			g.compare()
		})
	}
}

// FuzzModel does the operations that the input spells, one byte a decision.
func FuzzModel(f *testing.F) {
	url := redistest.Shared(f).URL()
	eng := openEngine(f, url)
	f.Fuzz(func(t *testing.T, input []byte) {
		input = input[:min(len(input), 400)]
		draw := func(n int) int {
			if len(input) == 0 {
				return 0
			}
			v := int(input[0])
			input = input[1:]
			return v % n
		}
		g := newGame(t, benchOn(t, eng, url), draw)
		g.m.messages = []string{}
		for len(input) > 0 {
			g.play()
		}
		g.compare()
		require.NoError(t, eng.Delete(context.Background(), g.b.name))
	})
}
