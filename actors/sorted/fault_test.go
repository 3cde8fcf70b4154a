package sorted_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// TestLostReply: the reply to a call is lost after Redis has run it. A meddler may act
// before the call is repeated.
func TestLostReply(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	for name, tt := range map[string]struct {
		act      act
		text     string   // in the request
		meddle   []string // a peer's commands, behind the first try
		err      error
		want     state
		messages string
	}{
		"append": {
			act: insert("body", sorted.Last), text: "body", err: engine.ErrOutcomeUnknown,
			want:     state{ids: "1 2 3 4", items: allThree + " 4=body", publishes: "4", idincr: "4"},
			messages: "publish 4=body,position 4=:end"},
		"insert": {
			act: insert("body", sorted.Before("2")), text: "body", err: engine.ErrOutcomeUnknown,
			want:     state{ids: "1 4 2 3", items: allThree + " 4=body", publishes: "4", idincr: "4"},
			messages: "publish 4=body,position 4=:2"},
		"edit": {
			act: edit("2", "body"), text: "body",
			want:     state{ids: "1 2 3", items: "1=a 2=body 3=c", publishes: "4", idincr: "3"},
			messages: "publish 2=body"},
		"edit overwritten meanwhile": {
			act: edit("2", "body"), text: "body", meddle: []string{"HSET feed.items:X 2 other"},
			want:     state{ids: "1 2 3", items: "1=a 2=other 3=c", publishes: "4", idincr: "3"},
			messages: "publish 2=body"},
		"edit of what is there meanwhile": {
			act: edit("9", "body"), text: "body", meddle: []string{"RPUSH feed.ids:X 9", "HSET feed.items:X 9 other"}, err: sorted.ErrNotFound,
			want: state{ids: "1 2 3 9", items: allThree + " 9=other", publishes: "3", idincr: "3"}},
		"edit of what is gone meanwhile": {
			act: edit("2", "body"), text: "body", meddle: []string{"LREM feed.ids:X 1 2", "HDEL feed.items:X 2"},
			want:     state{ids: "1 3", items: twoOf, publishes: "4", idincr: "3"},
			messages: "publish 2=body"},
		"move first": {
			act: move("3", sorted.First), text: "feed.position",
			want: state{ids: "3 1 2", items: allThree, publishes: "3", idincr: "3"}, messages: "position 3=begin:"},
		"move last": {
			act: move("1", sorted.Last), text: "feed.position",
			want: state{ids: "2 3 1", items: allThree, publishes: "3", idincr: "3"}, messages: "position 1=:end"},
		"move before": {
			act: move("3", sorted.Before("2")), text: "feed.position",
			want: state{ids: "1 3 2", items: allThree, publishes: "3", idincr: "3"}, messages: "position 3=:2"},
		"move before the first": {
			act: move("3", sorted.Before("1")), text: "feed.position",
			want: state{ids: "3 1 2", items: allThree, publishes: "3", idincr: "3"}, messages: "position 3=:1"},
		"move after": {
			act: move("1", sorted.After("3")), text: "feed.position",
			want: state{ids: "2 3 1", items: allThree, publishes: "3", idincr: "3"}, messages: "position 1=3:"},
		"move undone meanwhile": {
			act: move("1", sorted.Last), text: "feed.position", meddle: []string{"LREM feed.ids:X 1 1", "LPUSH feed.ids:X 1"},
			want: state{ids: "1 2 3", items: allThree, publishes: "3", idincr: "3"}, messages: "position 1=:end"},
		"move beside what is gone meanwhile": {
			act: move("3", sorted.Before("2")), text: "feed.position", meddle: []string{"LREM feed.ids:X 1 2", "HDEL feed.items:X 2"},
			want: state{ids: "1 3", items: twoOf, publishes: "3", idincr: "3"}, messages: "position 3=:2"},
		"move beside what is there meanwhile": {
			act: move("3", sorted.Before("9")), text: "feed.position", meddle: []string{"LPUSH feed.ids:X 9", "HSET feed.items:X 9 i"}, err: sorted.ErrNotFound,
			want: state{ids: "9 1 2 3", items: allThree + " 9=i", publishes: "3", idincr: "3"}},
		"move before what has become the first": {
			act: move("3", sorted.Before("2")), text: "feed.position", meddle: []string{"LREM feed.ids:X 1 3", "LREM feed.ids:X 1 1", "RPUSH feed.ids:X 3"},
			want: state{ids: "2 3", items: allThree, publishes: "3", idincr: "3"}, messages: "position 3=:2"},
		"retract": {
			act: retract("2"), text: "feed.retract",
			want: state{ids: "1 3", items: twoOf, publishes: "3", idincr: "3"}, messages: "retract 2"},
		"retract of what is not there": { // nobody could tell who retracted it
			act: retract("9"), text: "feed.retract",
			want: state{ids: "1 2 3", items: allThree, publishes: "3", idincr: "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := redistest.NewProxy(t, url)
			b := benchOn(t, openEngine(t, proxy.URL()), url)
			// Redis knows all scripts, so that what is swallowed is not a NOSCRIPT.
			must(t, b.Sorted, insert("w", sorted.Last), edit("1", "w"), move("1", sorted.Last), retract("1"))
			b.seed("DEL feed.ids:X feed.items:X")
			b.seed(three...)
			b.messages(t)

			struck := proxy.SwallowNext([]byte(tt.text))
			if tt.meddle != nil {
				tries := 0
				proxy.OnRequest(func(_ int, raw []byte) {
					if strings.Contains(string(raw), tt.text) {
						if tries++; tries == 2 {
							b.seed(tt.meddle...)
						}
					}
				})
			}
			_, err := tt.act(context.Background(), b.Sorted)
			<-struck
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, b.state())
			require.Equal(t, tt.messages, strings.Join(b.messages(t), ","))
		})
	}
}

// editScript is the script of edits.
func editScript() *wire.Script {
	all := sorted.Scripts()
	return all[slices.IndexFunc(all, func(s *wire.Script) bool { return s.Name == "sorted/edit" })]
}

// TestAnswersOfAllBatches: as many batches as may be under way can be repeated, and all are told what they were told.
func TestAnswersOfAllBatches(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.seed(three...)
	keys := []string{"feed.items:" + b.name, "feed.publishes:" + b.name, "feed.config:" + b.name, "feed.answers:" + b.name + ":peer"}
	batch := func(n int) any {
		args := []any{"1", "feed.publish:" + b.name}
		for i := range wire.MaxBatch {
			args = append(args, fmt.Sprintf("%016d", n*wire.MaxBatch+i+1), "9", "x")
		}
		return b.peer.Eval(editScript().Source(), keys, args...)
	}
	absent := slices.Repeat([]any{int64(0)}, wire.MaxBatch)
	for n := range 6 {
		require.Equal(t, absent, batch(n))
	}
	b.seed("HSET feed.items:X 9 newer")
	for n := range 6 {
		require.Equal(t, absent, batch(n))
	}
}

// TestEditRefusedAndOvertaken: Redis refuses an edit and runs one that was sent behind it. When they are repeated, the one that
// was refused runs, and the other does not run again.
func TestEditRefusedAndOvertaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.seed(three...)
	call := func(number int, id, body string) any {
		t.Helper()
		keys := []string{"feed.items:" + b.name, "feed.publishes:" + b.name, "feed.config:" + b.name, "feed.answers:" + b.name + ":peer"}
		return b.peer.Eval(editScript().Source(), keys, "1", "feed.publish:"+b.name, fmt.Sprintf("%016d", number), id, body)
	}
	require.Equal(t, []any{int64(1)}, call(4, "1", "x"))
	require.Equal(t, []any{int64(0)}, call(6, "9", "x"))
	require.Equal(t, []any{int64(1)}, call(8, "3", "x")) // 5 and 7 were refused
	b.seed("HSET feed.items:X 3 newer 9 newer")
	require.Equal(t, []any{int64(1)}, call(5, "2", "x"))
	b.seed("HSET feed.items:X 1 newer 2 newer")
	for range 2 {
		require.Equal(t, []any{int64(1)}, call(4, "1", "x"))
		require.Equal(t, []any{int64(1)}, call(5, "2", "x"))
		require.Equal(t, []any{int64(0)}, call(6, "9", "x"))
		require.Equal(t, []any{int64(1)}, call(8, "3", "x"))
	}
	require.Equal(t, "1=newer 2=newer 3=newer 9=newer", b.state().items)
	require.Equal(t, []any{int64(1)}, call(7, "3", "y"))
	require.Equal(t, "1=newer 2=newer 3=y 9=newer", b.state().items)
}

// TestBusyList: calls that go through a long list share the time; all of them are
// done, each once.
func TestBusyList(t *testing.T) {
	t.Parallel()
	const size, calls = 150_000, 60 // about six calls of the script's limit
	b := newBench(t)
	b.fill(size, "x")
	ctx := context.Background()
	id := func(i int) string { return strconv.Itoa(size - i) }
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() {
			var err error
			switch i % 4 {
			case 0:
				err = b.Move(ctx, id(i), sorted.First)
			case 1:
				err = b.Retract(ctx, id(i))
			case 2:
				_, err = b.Insert(ctx, []byte("new"), sorted.After(id(i)))
			default:
				_, err = b.Index(ctx, id(i))
			}
			if err != nil {
				t.Error(i, err)
			}
		})
	}
	wg.Wait()
	ids, err := b.IDs(ctx)
	require.NoError(t, err)
	require.Len(t, ids, size)
	for i := range calls {
		at := slices.Index(ids, id(i))
		switch i % 4 {
		case 0:
			require.Less(t, at, calls/4)
		case 1:
			require.Equal(t, -1, at)
		case 2:
			require.Equal(t, 6, len(ids[at+1]))
			n, err := strconv.Atoi(ids[at+1])
			require.NoError(t, err)
			require.Greater(t, n, size)
		}
	}
	require.Len(t, b.messages(t), calls)                             // 15 each: moved, retracted, and two for an insert
	require.Greater(t, b.eng.Stats().Sorted.Commands, uint64(calls)) // some were asked again
}

// TestOrder: calls of one goroutine take effect in its order, also while others use the
// same sorted feed.
func TestOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const writers, each = 16, 60
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			last := 0
			for range each {
				id, err := b.Append(context.Background(), []byte(strconv.Itoa(w)))
				n, _ := strconv.Atoi(id)
				if err != nil || n <= last {
					t.Error(w, id, last, err)
					return
				}
				last = n
			}
		})
	}
	wg.Wait()
	s := b.state()
	require.Equal(t, strconv.Itoa(writers*each), s.idincr)
	require.Equal(t, s.idincr, s.publishes)
	ids := strings.Fields(s.ids)
	require.True(t, slices.IsSortedFunc(ids, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	}))
	stats := b.eng.Stats().Sorted
	require.Less(t, stats.Batches, stats.Commands) // they shared round trips
}
