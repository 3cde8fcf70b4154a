package feed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A model is a feed in a few lines of Go.
type model struct {
	ids       []string
	items     map[string]string
	bound     int
	publishes int
	told      []string
}

func (m *model) publish(id, body string) {
	verb := "publish"
	if i := slices.Index(m.ids, id); i >= 0 {
		verb = "edit"
		m.ids = slices.Delete(m.ids, i, i+1)
	}
	m.ids = append(m.ids, id)
	m.items[id] = body
	m.publishes++
	m.trim()
	m.told = append(m.told, verb+" "+id+"="+body)
}

func (m *model) trim() {
	for m.bound > 0 && len(m.ids) > m.bound {
		m.retract(m.ids[0])
	}
}

func (m *model) retract(id string) bool {
	i := slices.Index(m.ids, id)
	if i < 0 {
		return false
	}
	m.ids = slices.Delete(m.ids, i, i+1)
	delete(m.items, id)
	m.told = append(m.told, "retract "+id)
	return true
}

// state is what Redis has to hold.
func (m *model) state() state {
	s := state{ids: strings.Join(m.ids, " "), items: m.items, config: map[string]string{"type": "feed"}}
	if m.publishes > 0 {
		s.publishes = strconv.Itoa(m.publishes)
	}
	if m.bound > 0 {
		s.config["max_length"] = strconv.Itoa(m.bound)
	}
	return s
}

// play reads operations from the bytes, two for each, and does them to a feed and to
// a model of it. Results, keys and messages have to be the same after each.
func play(t *testing.T, b *bench, ops []byte) {
	ctx := context.Background()
	m := model{items: map[string]string{}}
	id := func(n byte) string { return string('a' + rune(n%9)) }
	check := func(step int) {
		require.Equal(t, m.state(), b.state(), "after step %d", step)
		require.Equal(t, strings.Join(m.told, ","), strings.Join(b.messages(t), ","), "messages of step %d", step)
		m.told = nil
	}
	for step := 0; step+1 < len(ops); step += 2 {
		op, arg := ops[step], ops[step+1]
		body := strconv.Itoa(step)
		switch op % 8 {
		case 0, 1:
			require.NoError(t, b.PublishAs(ctx, id(arg), []byte(body)))
			m.publish(id(arg), body)
		case 2, 3:
			var list []feed.Item
			for i := range 1 + op/8%12 {
				it := feed.Item{ID: id(arg * (i + 1)), Body: fmt.Append(nil, body, ".", i)}
				list = append(list, it)
				m.publish(it.ID, string(it.Body))
			}
			_, err := b.PublishMany(ctx, list)
			require.NoError(t, err)
		case 4, 5:
			err := b.Retract(ctx, id(arg))
			if m.retract(id(arg)) {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, feed.ErrNotFound)
			}
		case 6:
			m.bound = int(arg % 7)
			require.NoError(t, b.Configure(ctx, feed.Config{MaxLength: m.bound}))
			m.trim()
		case 7:
			ids, err := b.IDs(ctx)
			require.NoError(t, err)
			require.Equal(t, m.ids, append(m.ids[:0:0], ids...))
			got, err := b.Get(ctx, id(arg))
			if body, ok := m.items[id(arg)]; ok {
				require.NoError(t, err)
				require.Equal(t, body, string(got))
			} else {
				require.ErrorIs(t, err, feed.ErrNotFound)
			}
			newest, err := b.Newest(ctx, 2)
			require.NoError(t, err)
			for i, it := range newest {
				require.Equal(t, m.ids[len(m.ids)-1-i], it.ID)
				require.Equal(t, m.items[it.ID], string(it.Body))
			}
		}
		check(step)
	}
	require.Equal(t, len(m.ids), len(all(t, b.Feed)))
}

func TestModel(t *testing.T) {
	t.Parallel()
	eng := openEngine(t, engine.Config{URL: redistest.Shared(t).URL()})
	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			ops := make([]byte, 200)
			for i := range ops {
				ops[i] = byte(rnd.Uint32())
			}
			play(t, benchOn(t, eng, redistest.Shared(t).URL(), feed.Config{}), ops)
		})
	}
}

func FuzzModel(f *testing.F) {
	eng := openEngine(f, engine.Config{URL: redistest.Shared(f).URL()})
	f.Add([]byte{6, 2, 34, 1, 4, 3, 2, 0, 7, 1}) // a bound of 2, and more than it at once
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 400 {
			return // long enough
		}
		play(t, benchOn(t, eng, redistest.Shared(t).URL(), feed.Config{}), ops)
	})
}

// The same with many callers at once: what was acknowledged is there, whatever
// batches it went in, and nothing else is.
func TestManyCallers(t *testing.T) {
	t.Parallel()
	const callers, each = 32, 60
	b := newBench(t, feed.Config{})
	results := make(chan map[string]string, callers)
	for w := range callers {
		go func() {
			mine := map[string]string{}
			defer func() { results <- mine }()
			rnd := rand.New(rand.NewPCG(7, uint64(w)))
			for i := range each {
				id := fmt.Sprintf("w%d-%d", w, rnd.IntN(10))
				var err error
				switch rnd.IntN(4) {
				case 0:
					err = b.Retract(context.Background(), id)
					if _, there := mine[id]; !there && errors.Is(err, feed.ErrNotFound) {
						err = nil
					}
					delete(mine, id)
				case 1:
					// A caller that leaves at once: done or not, its own next call decides.
					ctx, cancel := context.WithCancel(context.Background())
					go cancel()
					_ = b.PublishAs(ctx, id, []byte("left"))
					fallthrough
				default:
					body := strconv.Itoa(i)
					err = b.PublishAs(context.Background(), id, []byte(body))
					mine[id] = body
				}
				if err != nil {
					t.Errorf("caller %d: %v", w, err)
					return
				}
			}
		}()
	}
	want := map[string]string{}
	for range callers {
		for id, body := range <-results {
			want[id] = body
		}
	}
	got := map[string]string{}
	for _, it := range all(t, b.Feed) {
		got[it.ID] = string(it.Body)
	}
	require.Equal(t, "[]", difference(want, got))
}
