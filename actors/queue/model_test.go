package queue_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A model is a queue in a few lines of Go, with what peers leave behind: ids without
// items, ids twice, items without ids.
type model struct {
	ids       []string // the next first
	items     map[string]string
	publishes int
}

func (m *model) put(id, body string, high bool) {
	if high {
		m.ids = slices.Insert(m.ids, 0, id)
	} else {
		m.ids = append(m.ids, id)
	}
	m.items[id] = body
	m.publishes++
}

// take takes up to n items; ids without items on the way to them are gone.
func (m *model) take(n int) (bodies []string) {
	for len(m.ids) > 0 && len(bodies) < n {
		id := m.ids[0]
		m.ids = m.ids[1:]
		if body, ok := m.items[id]; ok {
			bodies = append(bodies, body)
			delete(m.items, id)
		}
	}
	return bodies
}

// peek reads up to n items; an id that is there twice is read twice.
func (m *model) peek(n int) (bodies []string) {
	for _, id := range m.ids {
		if body, ok := m.items[id]; ok && len(bodies) < n {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

func (m *model) state() state {
	s := state{ids: strings.Join(m.ids, " "), config: map[string]string{"type": "queue"}}
	var words []string
	for _, id := range slices.Sorted(maps.Keys(m.items)) {
		words = append(words, id+"="+m.items[id])
	}
	s.items = strings.Join(words, " ")
	if m.publishes > 0 {
		s.publishes = strconv.Itoa(m.publishes)
	}
	return s
}

// play reads operations from the bytes, two for each, and does them to a queue and
// to a model of it. Results and keys have to be the same after each.
func play(t *testing.T, b *bench, ops []byte) {
	ctx := context.Background()
	m := model{items: map[string]string{}}
	key := func(kind string) string { return "feed." + kind + ":" + b.name }
	for step := 0; step+1 < len(ops); step += 2 {
		op, arg := ops[step], ops[step+1]
		body, n := strconv.Itoa(step), 1+int(op/8)%12
		high := arg%4 == 0
		opts := queue.PutOptions{}
		if high {
			opts.Priority = queue.High
		}
		switch op % 8 {
		case 0, 1:
			id, err := b.Put(ctx, []byte(body), opts)
			require.NoError(t, err)
			m.put(id, body, high)
		case 2:
			var many [][]byte
			for i := range n {
				many = append(many, fmt.Append(nil, body, ".", i))
			}
			outcomes, err := b.PutMany(ctx, many, opts)
			require.NoError(t, err)
			for i, o := range outcomes {
				require.NoError(t, o.Err)
				m.put(o.ID, string(many[i]), high)
			}
		case 3:
			it, err := b.TryGet(ctx)
			if want := m.take(1); len(want) == 1 {
				require.NoError(t, err)
				require.Equal(t, want[0], string(it.Body))
			} else {
				require.ErrorIs(t, err, queue.ErrEmpty)
			}
		case 4:
			if len(m.peek(1)) == 0 {
				continue // it would wait
			}
			items, err := b.GetUpTo(ctx, n, 0)
			require.NoError(t, err)
			require.Equal(t, strings.Join(m.take(n), " "), text(items))
		case 5:
			items, err := b.Peek(ctx, n)
			require.NoError(t, err)
			require.Equal(t, strings.Join(m.peek(n), " "), text(items))
		case 6: // a peer
			some := "peer" + strconv.Itoa(int(arg)%9)
			switch arg / 16 % 5 {
			case 0: // puts, perhaps an id that is there
				b.peer.Do("LPUSH", key("ids"), some)
				b.peer.Do("HSET", key("items"), some, body)
				b.peer.Do("INCR", key("publishes"))
				m.put(some, body, false)
			case 1: // takes
				id := b.peer.String("RPOP", key("ids"))
				if id != "" {
					b.peer.Do("HDEL", key("items"), id)
					delete(m.items, id)
					m.ids = m.ids[1:]
				}
			case 2: // took the id only
				if b.peer.String("RPOP", key("ids")) != "" {
					m.ids = m.ids[1:]
				}
			case 3: // leaves an id without an item
				b.peer.Do("RPUSH", key("ids"), "gone")
				m.ids = slices.Insert(m.ids, 0, "gone")
			case 4: // leaves an item without an id
				b.peer.Do("HSET", key("items"), some, body)
				m.items[some] = body
			}
		case 7:
			if arg%8 == 0 {
				n, err := b.Purge(ctx)
				require.NoError(t, err)
				require.Equal(t, len(m.items), n)
				m.ids, m.items = nil, map[string]string{}
				break
			}
			ids, err := b.IDs(ctx)
			require.NoError(t, err)
			require.Equal(t, strings.Join(m.ids, " "), strings.Join(ids, " "))
			n, err := b.Len(ctx)
			require.NoError(t, err)
			require.Equal(t, len(m.ids), n)
		}
		require.Equal(t, m.state(), b.state(), "after step %d", step)
	}
	require.Equal(t, strings.Join(m.take(len(m.ids)), " "), text(b.drain()))
}

func TestModel(t *testing.T) {
	t.Parallel()
	eng := openEngine(t, engine.Config{URL: redistest.Shared(t).URL()})
	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			ops := make([]byte, 300)
			for i := range ops {
				ops[i] = byte(rnd.Uint32())
			}
			play(t, benchOn(t, eng, redistest.Shared(t).URL()), ops)
		})
	}
}

func FuzzModel(f *testing.F) {
	eng := openEngine(f, engine.Config{URL: redistest.Shared(f).URL()})
	f.Add([]byte{0, 1, 0, 0, 6, 48, 3, 0, 3, 0}) // normal, high, an id without an item
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 400 {
			return // long enough
		}
		play(t, benchOn(t, eng, redistest.Shared(t).URL()), ops)
	})
}
