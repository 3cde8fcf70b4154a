package sorted_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// pairs shows a hash: "1=a 2=b".
func pairs(m map[string]string) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		words = append(words, k+"="+m[k])
	}
	return strings.Join(words, " ")
}

// An act is one call. It returns the id of what it inserted.
type act func(ctx context.Context, s *sorted.Sorted) (string, error)

func insert(body string, at sorted.Position) act {
	return func(ctx context.Context, s *sorted.Sorted) (string, error) { return s.Insert(ctx, []byte(body), at) }
}

func edit(id, body string) act {
	return func(ctx context.Context, s *sorted.Sorted) (string, error) { return "", s.Edit(ctx, id, []byte(body)) }
}

func move(id string, to sorted.Position) act {
	return func(ctx context.Context, s *sorted.Sorted) (string, error) { return "", s.Move(ctx, id, to) }
}

func retract(id string) act {
	return func(ctx context.Context, s *sorted.Sorted) (string, error) { return "", s.Retract(ctx, id) }
}

// Seeds: a list of three, and one from which a peer has lost 2.
var (
	three = []string{
		"RPUSH feed.ids:X 1 2 3", "HSET feed.items:X 1 a 2 b 3 c",
		"SET feed.idincr:X 3", "SET feed.publishes:X 3"}
	lost = []string{
		"RPUSH feed.ids:X 1 3", "HSET feed.items:X 1 a 2 b 3 c",
		"SET feed.idincr:X 3", "SET feed.publishes:X 3"}
	// dangling has an id in the list, 2, whose item a peer lost.
	dangling = []string{
		"RPUSH feed.ids:X 1 2 3", "HSET feed.items:X 1 a 3 c",
		"SET feed.idincr:X 3", "SET feed.publishes:X 3"}
)

const (
	allThree = "1=a 2=b 3=c"
	twoOf    = "1=a 3=c"
)

func TestStates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		seed      []string
		act       act
		err       error
		want      state
		messages  string // separated by comma
		untouched bool   // nothing is written, no message is sent
	}{
		"append to an empty list": {
			act:  insert("a", sorted.Last),
			want: state{ids: "1", items: "1=a", publishes: "1", idincr: "1"}, messages: "publish 1=a,position 1=:end"},
		"prepend to an empty list": {
			act:  insert("a", sorted.First),
			want: state{ids: "1", items: "1=a", publishes: "1", idincr: "1"}, messages: "publish 1=a,position 1=begin:"},
		"append an empty item": {
			act:  insert("", sorted.Last),
			want: state{ids: "1", items: "1=", publishes: "1", idincr: "1"}, messages: "publish 1=,position 1=:end"},
		"append": {
			seed: three, act: insert("d", sorted.Last),
			want: state{ids: "1 2 3 4", items: allThree + " 4=d", publishes: "4", idincr: "4"}, messages: "publish 4=d,position 4=:end"},
		"prepend": {
			seed: three, act: insert("d", sorted.First),
			want: state{ids: "4 1 2 3", items: allThree + " 4=d", publishes: "4", idincr: "4"}, messages: "publish 4=d,position 4=begin:"},
		"insert before": {
			seed: three, act: insert("d", sorted.Before("2")),
			want: state{ids: "1 4 2 3", items: allThree + " 4=d", publishes: "4", idincr: "4"}, messages: "publish 4=d,position 4=:2"},
		"insert after": {
			seed: three, act: insert("d", sorted.After("2")),
			want: state{ids: "1 2 4 3", items: allThree + " 4=d", publishes: "4", idincr: "4"}, messages: "publish 4=d,position 4=2:"},
		"insert before the first": {
			seed: three, act: insert("d", sorted.Before("1")),
			want: state{ids: "4 1 2 3", items: allThree + " 4=d", publishes: "4", idincr: "4"}, messages: "publish 4=d,position 4=:1"},
		"insert after the last": {
			seed: three, act: insert("d", sorted.After("3")),
			want: state{ids: "1 2 3 4", items: allThree + " 4=d", publishes: "4", idincr: "4"}, messages: "publish 4=d,position 4=3:"},
		"insert before what is not there": {
			seed: three, act: insert("d", sorted.Before("9")), err: sorted.ErrNotFound, untouched: true},
		"insert after what is not there": {
			seed: three, act: insert("d", sorted.After("9")), err: sorted.ErrNotFound, untouched: true},
		"insert beside itself to be": {
			seed: three, act: insert("d", sorted.After("4")), err: sorted.ErrNotFound, untouched: true},
		"insert beside what a peer lost": {
			seed: lost, act: insert("d", sorted.Before("2")), err: sorted.ErrNotFound, untouched: true},
		"insert beside an id without an item": {
			seed: dangling, act: insert("d", sorted.After("2")), err: sorted.ErrNotFound, untouched: true},
		"insert where a peer's counter is ahead": {
			seed: append(slices.Clone(three), "SET feed.idincr:X 41"), act: insert("d", sorted.Last),
			want: state{ids: "1 2 3 42", items: allThree + " 42=d", publishes: "4", idincr: "42"}, messages: "publish 42=d,position 42=:end"},

		"edit": {
			seed: three, act: edit("2", "z"),
			want: state{ids: "1 2 3", items: "1=a 2=z 3=c", publishes: "4", idincr: "3"}, messages: "publish 2=z"},
		"edit with the same body is an edit": {
			seed: three, act: edit("2", "b"),
			want: state{ids: "1 2 3", items: allThree, publishes: "4", idincr: "3"}, messages: "publish 2=b"},
		"edit what is not there": {
			seed: three, act: edit("9", "z"), err: sorted.ErrNotFound, untouched: true},
		"edit an id without an item": {
			seed: dangling, act: edit("2", "z"), err: sorted.ErrNotFound, untouched: true},
		"edit what a peer lost": {
			seed: lost, act: edit("2", "z"),
			want: state{ids: "1 3", items: "1=a 2=z 3=c", publishes: "4", idincr: "3"}, messages: "publish 2=z"},

		"move first": {
			seed: three, act: move("3", sorted.First),
			want: state{ids: "3 1 2", items: allThree, publishes: "3", idincr: "3"}, messages: "position 3=begin:"},
		"move last": {
			seed: three, act: move("1", sorted.Last),
			want: state{ids: "2 3 1", items: allThree, publishes: "3", idincr: "3"}, messages: "position 1=:end"},
		"move before": {
			seed: three, act: move("3", sorted.Before("1")),
			want: state{ids: "3 1 2", items: allThree, publishes: "3", idincr: "3"}, messages: "position 3=:1"},
		"move after": {
			seed: three, act: move("1", sorted.After("2")),
			want: state{ids: "2 1 3", items: allThree, publishes: "3", idincr: "3"}, messages: "position 1=2:"},
		"move to where it is": {
			seed: three, act: move("2", sorted.After("1")),
			want: state{ids: "1 2 3", items: allThree, publishes: "3", idincr: "3"}, messages: "position 2=1:"},
		"move before itself": {
			seed: three, act: move("2", sorted.Before("2")), untouched: true},
		"move after itself": {
			seed: three, act: move("2", sorted.After("2")), untouched: true},
		"move what is not there": {
			seed: three, act: move("9", sorted.Last), err: sorted.ErrNotFound, untouched: true},
		"move what is not there beside itself": {
			seed: three, act: move("9", sorted.After("9")), err: sorted.ErrNotFound, untouched: true},
		"move before what is not there": {
			seed: three, act: move("2", sorted.Before("9")), err: sorted.ErrNotFound, untouched: true},
		"move beside what a peer lost": {
			seed: lost, act: move("1", sorted.After("2")), err: sorted.ErrNotFound, untouched: true},
		"move beside an id without an item": {
			seed: dangling, act: move("1", sorted.After("2")), err: sorted.ErrNotFound, untouched: true},
		"move an id without an item": {
			seed: dangling, act: move("2", sorted.First), err: sorted.ErrNotFound, untouched: true},
		"move what a peer lost brings it back": {
			seed: lost, act: move("2", sorted.After("1")),
			want: state{ids: "1 2 3", items: allThree, publishes: "3", idincr: "3"}, messages: "position 2=1:"},
		"move what a peer lost to the end": {
			seed: lost, act: move("2", sorted.Last),
			want: state{ids: "1 3 2", items: allThree, publishes: "3", idincr: "3"}, messages: "position 2=:end"},

		"retract": {
			seed: three, act: retract("2"),
			want: state{ids: "1 3", items: twoOf, publishes: "3", idincr: "3"}, messages: "retract 2"},
		"retract the only one": {
			seed: []string{"RPUSH feed.ids:X 1", "HSET feed.items:X 1 a"}, act: retract("1"), messages: "retract 1"},
		"retract what is not there": {
			seed: three, act: retract("9"), err: sorted.ErrNotFound, untouched: true},
		"retract what a peer lost": {
			seed: lost, act: retract("2"),
			want: state{ids: "1 3", items: twoOf, publishes: "3", idincr: "3"}, messages: "retract 2"},
		"retract an id without an item": {
			seed: dangling, act: retract("2"), err: sorted.ErrNotFound, untouched: true},
		"retract one that is in the list twice": {
			seed: append(slices.Clone(three), "RPUSH feed.ids:X 2"), act: retract("2"),
			want: state{ids: "1 3 2", items: twoOf, publishes: "3", idincr: "3"}, messages: "retract 2"},

		"the ids are gone": {
			seed: []string{"HSET feed.items:X 1 a", "SET feed.idincr:X 1"}, act: insert("b", sorted.Last),
			want: state{ids: "2", items: "1=a 2=b", publishes: "1", idincr: "2"}, messages: "publish 2=b,position 2=:end"},
		"the counter of ids is no number": {
			seed: append(slices.Clone(three), "SET feed.idincr:X many"), act: insert("d", sorted.Last), err: engine.ErrNotSent, untouched: true},
		"the counter of ids is no whole number": {
			seed: append(slices.Clone(three), "SET feed.idincr:X 3.5"), act: insert("d", sorted.After("1")), err: engine.ErrNotSent, untouched: true},
		"the counter of publishes is no number": {
			seed: append(slices.Clone(three), "SET feed.publishes:X many"), act: insert("d", sorted.Before("1")), err: engine.ErrNotSent, untouched: true},
		"the counter of publishes is no number, edit": {
			seed: append(slices.Clone(three), "SET feed.publishes:X many"), act: edit("1", "z"), err: engine.ErrNotSent, untouched: true},

		"the name was deleted": {
			seed: []string{"SREM feeds X", "DEL feed.config:X"}, act: insert("a", sorted.Last), err: contract.ErrNoSuchName, untouched: true},
		"the name was deleted, edit": {
			seed: []string{"SREM feeds X", "DEL feed.config:X"}, act: edit("1", "a"), err: contract.ErrNoSuchName, untouched: true},
		"the name is a feed": {
			seed: []string{"HSET feed.config:X type feed"}, act: insert("a", sorted.Last), err: contract.ErrWrongType, untouched: true},
		"the name is a queue, move": {
			seed: []string{"HSET feed.config:X type queue"}, act: move("1", sorted.Last), err: contract.ErrWrongType, untouched: true},
		"the name is a job set, retract": {
			seed: []string{"HSET feed.config:X type job"}, act: retract("1"), err: contract.ErrWrongType, untouched: true},
	}
	eng := openEngine(t, redistest.Shared(t).URL())
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := benchOn(t, eng, redistest.Shared(t).URL())
			b.seed(tt.seed...)
			if tt.untouched {
				tt.want = b.state()
			}
			id, err := tt.act(context.Background(), b.Sorted)
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, b.state())
			messages := b.messages(t)
			require.Equal(t, tt.messages, strings.Join(messages, ","))
			if err == nil && strings.Contains(tt.messages, "publish") && strings.Contains(tt.messages, "position") {
				require.Contains(t, tt.messages, "publish "+id+"=")
			}
		})
	}
}

// TestForeignKeys: a key of another Redis type makes every call fail, and no other
// key is touched.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	acts := map[string]act{
		"append": insert("d", sorted.Last), "prepend": insert("d", sorted.First),
		"before": insert("d", sorted.Before("2")), "after": insert("d", sorted.After("2")),
		"edit": edit("2", "z"), "first": move("2", sorted.First), "beside": move("2", sorted.After("3")), "retract": retract("2"),
	}
	uses := map[string]string{ // which calls use the key at all
		"feed.ids": "append prepend before after first beside retract", "feed.items": "append prepend before after edit first beside retract",
		"feed.publishes": "append prepend before after edit", "feed.idincr": "append prepend before after",
	}
	eng := openEngine(t, redistest.Shared(t).URL())
	for key, verbs := range uses {
		for verb := range strings.FieldsSeq(verbs) {
			t.Run(key+" "+verb, func(t *testing.T) {
				t.Parallel()
				b := benchOn(t, eng, redistest.Shared(t).URL())
				b.seed(three...)
				b.seed("DEL "+key+":X", "SADD "+key+":X foreign")
				before := b.peer.Dump(b.name)
				_, err := acts[verb](context.Background(), b.Sorted)
				var refused *engine.RefusedError
				require.ErrorAs(t, err, &refused)
				require.ErrorIs(t, err, engine.ErrNotSent)
				require.Equal(t, before, b.peer.Dump(b.name))
				require.Empty(t, b.messages(t))
			})
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	eng, err := engine.Open(context.Background(), engine.Config{URL: target.URL(), MaxItem: 10})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close(context.Background())) })
	b := benchOn(t, eng, target.URL())
	b.seed(three...)
	before := b.state()

	long := strings.Repeat("x", 513)
	for name, tt := range map[string]struct {
		act act
		err error
	}{
		"insert a large item":    {insert("12345678901", sorted.Last), engine.ErrItemTooLarge},
		"insert nowhere":         {insert("d", sorted.Position{}), sorted.ErrInvalidPosition},
		"insert before no id":    {insert("d", sorted.Before("")), engine.ErrInvalidID},
		"insert after NUL":       {insert("d", sorted.After("a\x00b")), engine.ErrInvalidID},
		"insert after a long id": {insert("d", sorted.After(long)), engine.ErrInvalidID},
		"insert before end":      {insert("d", sorted.Before("end")), sorted.ErrInvalidPosition},
		"insert after begin":     {insert("d", sorted.After("begin")), sorted.ErrInvalidPosition},
		"edit no id":             {edit("", "z"), engine.ErrInvalidID},
		"edit NUL":               {edit("\x00", "z"), engine.ErrInvalidID},
		"edit a long id":         {edit(long, "z"), engine.ErrInvalidID},
		"edit to a large item":   {edit("1", "12345678901"), engine.ErrItemTooLarge},
		"move no id":             {move("", sorted.Last), engine.ErrInvalidID},
		"move nowhere":           {move("1", sorted.Position{}), sorted.ErrInvalidPosition},
		"move beside no id":      {move("1", sorted.After("")), engine.ErrInvalidID},
		"move beside a long id":  {move("1", sorted.After(long)), engine.ErrInvalidID},
		"retract no id":          {retract(""), engine.ErrInvalidID},
		"retract a long id":      {retract(long), engine.ErrInvalidID},
		"get no id": {func(ctx context.Context, s *sorted.Sorted) (string, error) {
			_, err := s.Get(ctx, "")
			return "", err
		}, engine.ErrInvalidID},
		"index of no id": {func(ctx context.Context, s *sorted.Sorted) (string, error) {
			_, err := s.Index(ctx, "")
			return "", err
		}, engine.ErrInvalidID},
		"follow a long id": {func(ctx context.Context, s *sorted.Sorted) (string, error) {
			_, err := s.Follow(ctx, sorted.FollowOptions{ID: long})
			return "", err
		}, engine.ErrInvalidID},
	} {
		_, err := tt.act(context.Background(), b.Sorted)
		require.ErrorIs(t, err, tt.err, name)
		require.ErrorIs(t, err, engine.ErrNotSent, name)
		require.Contains(t, err.Error(), "sorted feed "+`"`+b.name+`"`, name)
	}
	require.Equal(t, before, b.state())
	require.Empty(t, b.messages(t))
	_, err = b.Insert(context.Background(), []byte("1234567890"), sorted.Before("begin"))
	require.ErrorIs(t, err, sorted.ErrNotFound) // only the other side of "begin" is taken
}
