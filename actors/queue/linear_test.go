package queue_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// # The model
//
// A queue is first in, first out. put, get and tryGet take effect at one instant
// between their call and their return; tryGet may answer "empty" only when nothing
// is there.
//
// A get that waits has its engine pop the next id, and that may come when the get is
// not there any more: its caller left, or was served with an item that a tryGet of the
// same engine found. What was popped goes back to the front; for that moment others
// take what is behind it, or find the queue empty. So each get, however it ended, is
// followed by two more operations, each of which may happen at any time after the get
// began, in this order:
//
//	hold  takes the head, or nothing (nondeterministic)
//	back  puts what was held in front of the others
//
// A get that was cancelled took nothing, but may hold twice: what was popped for it,
// and what a take brought that counted on it. Nothing is held without a get, so an
// engine that kept taking and returning for nobody, or that returned to the wrong end,
// fails. Every history ends with a drain, so an item that is lost or doubled fails too:
// a drain that does not find each item once is no history at all.
type operation struct {
	kind  string // put, get, try, hold, back
	value rune   // what is put; which get it was that holds
}

// fifo is a state of the model. Both fields are comparable on purpose.
type fifo struct {
	queue string // head first
	held  string // pairs: which get, and what it holds or '-'
}

var fifoModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{fifo{}} },
	Step: func(state, input, output any) []any {
		s, op, out := state.(fifo), input.(operation), output.(rune)
		head := rune(0)
		for _, head = range s.queue {
			break
		}
		tail := s.queue[len(string(head))*min(len(s.queue), 1):]
		switch op.kind {
		case "put":
			return []any{fifo{s.queue + string(op.value), s.held}}
		case "get", "try", "drain":
			switch {
			case out == 0 && s.queue == "":
				return []any{s}
			case out != 0 && out == head:
				return []any{fifo{tail, s.held}}
			}
		case "hold":
			next := []any{fifo{s.queue, s.held + string([]rune{op.value, '-'})}}
			if s.queue != "" {
				next = append(next, fifo{tail, s.held + string([]rune{op.value, head})})
			}
			return next
		case "back":
			held := []rune(s.held)
			for i := 0; i < len(held); i += 2 {
				if held[i] != op.value {
					continue
				}
				front := string(held[i+1])
				if front == "-" {
					front = ""
				}
				return []any{fifo{front + s.queue, string(held[:i]) + string(held[i+2:])}}
			}
		}
		return nil
	},
}).ToModel()

// A history is what some clients of one queue did and saw.
type history struct {
	mu    sync.Mutex
	start time.Time
	next  rune
	ops   []porcupine.Operation
	left  int
}

func (h *history) now() int64 { return int64(time.Since(h.start)) }

func (h *history) fresh() rune {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	return 0x100 + h.next
}

func (h *history) add(client int, call int64, op operation, out rune) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: op, Call: call, Output: out, Return: h.now()})
}

// String lists the operations in the order in which they began, times in µs.
func (h *history) String() string {
	slices.SortFunc(h.ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	for _, op := range h.ops {
		in := op.Input.(operation)
		fmt.Fprintf(&b, "%5d-%5d client %d: %s", op.Call/1000, op.Return/1000, op.ClientId, in.kind)
		if in.value != 0 {
			fmt.Fprintf(&b, " %d", in.value-0x100)
		}
		if out := op.Output.(rune); out != 0 {
			fmt.Fprintf(&b, " %d", out-0x100)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// took notes how a get or try ended.
func (h *history) took(client int, call int64, kind string, it queue.Item, err error) error {
	switch {
	case err == nil:
		h.add(client, call, operation{kind: kind}, []rune(string(it.Body))[0])
	case errors.Is(err, queue.ErrEmpty):
		h.add(client, call, operation{kind: kind}, 0)
	case errors.Is(err, context.DeadlineExceeded):
		h.mu.Lock()
		h.left++
		h.mu.Unlock()
	default:
		return err
	}
	holds := 0
	if kind == "get" {
		holds = 1
		if err != nil {
			holds = 2
		}
	}
	for range holds {
		which := h.fresh()
		h.add(client, call, operation{"hold", which}, 0)
		h.add(client, call, operation{"back", which}, 0)
	}
	return nil
}

// record has clients of two engines put and take at random, and then drains.
func record(t testing.TB, url string) *history {
	t.Helper()
	name := redistest.Name(t)
	h := &history{start: time.Now()}
	var queues []*queue.Queue
	for range 2 {
		q, err := openEngine(t, engine.Config{URL: url}).Queue(t.Context(), name, queue.Config{})
		require.NoError(t, err)
		queues = append(queues, q)
	}
	const clients, each, mayLeave = 6, 7, 2
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			q := queues[c%len(queues)]
			for i := range each {
				call := h.now()
				var err error
				switch n := rand.IntN(10); {
				case n < 5:
					v := h.fresh()
					if _, err = q.Put(context.Background(), []byte(string(v))); err == nil {
						h.add(c, call, operation{"put", v}, 0)
					}
				case n < 8 || c >= mayLeave || i > 2:
					var it queue.Item
					it, err = q.TryGet(context.Background())
					err = h.took(c, call, "try", it, err)
				default:
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(1500))*time.Microsecond)
					var it queue.Item
					it, err = q.Get(ctx)
					cancel()
					err = h.took(c, call, "get", it, err)
				}
				if !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	all.Wait()
	inside := 0
	for _, op := range h.ops {
		switch out := op.Output.(rune); {
		case op.Input.(operation).kind == "put":
			inside++
		case out != 0:
			inside--
		}
	}
	for range inside {
		call := h.now()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		it, err := queues[0].Get(ctx)
		cancel()
		require.NoError(t, err, "an item is lost")
		require.NoError(t, h.took(0, call, "drain", it, nil))
	}
	end := h.now()
	for i := range h.ops {
		if kind := h.ops[i].Input.(operation).kind; kind == "hold" || kind == "back" {
			h.ops[i].ClientId = clients + i // it overlaps with its own client's next calls
			h.ops[i].Return = end
		}
	}
	return h
}

func TestLinearizable(t *testing.T) {
	t.Parallel()
	const histories = 16
	left, hard := 0, 0
	for range histories {
		h := record(t, redistest.Shared(t).URL())
		left += h.left
		switch porcupine.CheckOperationsTimeout(fifoModel, h.ops, time.Second) {
		case porcupine.Illegal:
			t.Fatalf("not linearizable:\n%s", h)
		case porcupine.Unknown:
			hard++
		}
	}
	t.Logf("%d histories with %d cancelled gets; %d were too hard to check in time", histories, left, hard)
	assert.Positive(t, left, "nobody was cancelled")
	assert.Less(t, hard, histories/2)
}

// The checker finds a take script that is wrong. It is replaced for the whole
// process: not parallel.
func TestBrokenTakeIsNotLinearizable(t *testing.T) {
	mutations := map[string][2]string{
		"from the wrong end":              {"redis.call('RPOP', ids, n)", "redis.call('LPOP', ids, n)"},
		"empty while there are some left": {"-- Ids without an item are looked", "if redis.call('LLEN', ids) <= 3 and #ARGV == 4 then want = 0 redis.call('RPUSH', slot, number, '1') return {{1, '1', {}}} end\n--"},
	}
	for name, change := range mutations {
		t.Run(name, func(t *testing.T) {
			source := strings.Replace(queue.TakeSource(), change[0], change[1], 1)
			require.NotEqual(t, queue.TakeSource(), source, "the mutation fits the script")
			broken := wire.MustScript(fstest.MapFS{"lua/take.lua": {Data: []byte(source)}}, wire.Script{Name: "queue/take",
				Keys: []contract.Key{contract.IDs, contract.Items, contract.Config},
				Own:  []contract.Key{contract.Taken, contract.TakenB}})
			sound := queue.SetTake(broken)
			t.Cleanup(func() { queue.SetTake(sound) })
			for range 50 {
				found := false
				t.Run("history", func(t *testing.T) { // its engines end before the script is sound again
					h := record(t, redistest.Shared(t).URL())
					found = porcupine.CheckOperationsTimeout(fifoModel, h.ops, time.Second) == porcupine.Illegal
				})
				if found {
					return
				}
			}
			t.Error("50 histories were found linearizable")
		})
	}
}
