package sorted_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
)

// must makes calls, none of which may fail.
func must(t testing.TB, s *sorted.Sorted, acts ...act) {
	t.Helper()
	for _, a := range acts {
		_, err := a(context.Background(), s)
		require.NoError(t, err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.seed(three...)
	sub := follow(t, b.Sorted, sorted.FollowOptions{})
	must(t, b.Sorted,
		insert("d", sorted.Last), insert("e", sorted.First), insert("f", sorted.Before("2")), insert("g", sorted.After("2")),
		edit("1", "z"), move("1", sorted.First), edit("4", "y"), edit("4", "x"),
		move("2", sorted.After("1")), move("2", sorted.Before("2")), retract("3"), insert("", sorted.Last))
	require.Equal(t, []string{
		"published 4=d last", "published 5=e first", "published 6=f before 2", "published 7=g after 2",
		"edited 1=z", "moved 1 first", "edited 4=y", "edited 4=x",
		"moved 2 after 1", "retracted 3", "published 8= last",
	}, next(t, sub, 11))

	// the ids of a new one begin again
	require.NoError(t, b.eng.Delete(context.Background(), b.name))
	_, err := b.eng.Sorted(context.Background(), b.name, sorted.Config{})
	require.NoError(t, err)
	must(t, b.Sorted, insert("a", sorted.Last), edit("1", "b"))
	require.Equal(t, []string{"deleted", "published 1=a last", "edited 1=b"}, next(t, sub, 3))

	require.NoError(t, sub.Close())
	_, err = sub.Next(context.Background())
	require.ErrorIs(t, err, sorted.ErrClosed)
	for e := range sub.Events() {
		t.Fatal("an event of a closed subscription: ", e)
	}
	require.ErrorIs(t, sub.Err(), sorted.ErrClosed)
}

// TestFollowPeers plays what peers send: the commands that thoonk.py was recorded
// with, and thoonk.js' message for edits.
func TestFollowPeers(t *testing.T) {
	t.Parallel()
	push := func(verb, id, item, position string) []string {
		return []string{"INCRBY feed.idincr:X 1", "MULTI", verb + " feed.ids:X " + id, "INCRBY feed.publishes:X 1",
			"HSET feed.items:X " + id + " " + item, "PUBLISH feed.publish:X " + id + "_" + item,
			"PUBLISH feed.position:X " + id + "_" + position, "EXEC"}
	}
	for name, tt := range map[string]struct {
		commands []string
		events   []string
		order    string // what All yields at the end
	}{
		"append":  {push("RPUSH", "4", "d", ":end"), []string{"published 4=d last"}, "1=a 2=b 3=c 4=d"},
		"prepend": {push("LPUSH", "4", "d", "begin:"), []string{"published 4=d first"}, "4=d 1=a 2=b 3=c"},
		"publish before": {[]string{"INCRBY feed.idincr:X 1", "WATCH feed.items:X", "HEXISTS feed.items:X 2", "MULTI",
			"LINSERT feed.ids:X BEFORE 2 4", "HSET feed.items:X 4 d", "PUBLISH feed.publish:X 4_d", "PUBLISH feed.position:X 4_:2", "EXEC"},
			[]string{"published 4=d before 2"}, "1=a 4=d 2=b 3=c"},
		"publish after": {[]string{"INCRBY feed.idincr:X 1", "WATCH feed.items:X", "HEXISTS feed.items:X 2", "MULTI",
			"LINSERT feed.ids:X AFTER 2 4", "HSET feed.items:X 4 d", "PUBLISH feed.publish:X 4_d", "PUBLISH feed.position:X 4_2:", "EXEC"},
			[]string{"published 4=d after 2"}, "1=a 2=b 4=d 3=c"},
		"edit": {[]string{"WATCH feed.items:X", "HEXISTS feed.items:X 1", "MULTI", "HSET feed.items:X 1 z",
			"INCRBY feed.publishes:X 1", "PUBLISH feed.publish:X 1_z", "EXEC"}, []string{"edited 1=z"}, "1=z 2=b 3=c"},
		"edit by thoonk.js": {[]string{"HSET feed.items:X 1 z", "PUBLISH feed.edit:X 1_z"}, []string{"edited 1=z"}, "1=z 2=b 3=c"},
		"move": {[]string{"WATCH feed.items:X", "HEXISTS feed.items:X 3", "HEXISTS feed.items:X 1", "MULTI", "LREM feed.ids:X 1 3",
			"LINSERT feed.ids:X AFTER 1 3", "PUBLISH feed.position:X 3_1:", "EXEC"}, []string{"moved 3 after 1"}, "1=a 3=c 2=b"},
		"move beside itself, which loses it": {[]string{"MULTI", "LREM feed.ids:X 1 2", "LINSERT feed.ids:X BEFORE 2 2",
			"PUBLISH feed.position:X 2_:2", "EXEC"}, []string{"moved 2 before 2"}, "1=a 3=c"},
		"retract": {[]string{"MULTI", "LREM feed.ids:X 1 2", "HDEL feed.items:X 2", "PUBLISH feed.retract:X 2", "EXEC"},
			[]string{"retracted 2"}, "1=a 3=c"},
		"one insert overtakes another": {append([]string{"INCRBY feed.idincr:X 1", "INCRBY feed.idincr:X 1"},
			append(push("RPUSH", "5", "e", ":end"), push("RPUSH", "4", "d", ":end")...)...),
			[]string{"published 5=e last", "edited 4=d", "moved 4 last"}, "1=a 2=b 3=c 5=e 4=d"},
		"odd ones": {[]string{"PUBLISH feed.retract:X 77", "PUBLISH feed.position:X 1", "PUBLISH feed.position:X 1_:",
			"PUBLISH feed.position:X 1_nowhere", "PUBLISH feed.publish:X x_y"},
			[]string{"retracted 77", "moved 1 unknown", "moved 1 unknown", "moved 1 unknown", "edited x=y"}, "1=a 2=b 3=c"},
		"without a position": {[]string{"PUBLISH feed.publish:X 4_d", "PUBLISH feed.publish:X 5_e", "PUBLISH feed.retract:X 1"},
			[]string{"published 4=d unknown", "published 5=e unknown", "retracted 1"}, "1=a 2=b 3=c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.seed(three...)
			live := follow(t, b.Sorted, sorted.FollowOptions{})
			snap := follow(t, b.Sorted, sorted.FollowOptions{Snapshot: true})
			late := follow(t, b.Sorted, sorted.FollowOptions{}) // reads only when all is over
			b.seed("PUBLISH feed.retract:X first")
			require.Equal(t, []string{"retracted first"}, next(t, live, 1)) // it knows the counter
			require.Equal(t, []string{"snapshot 1=a", "snapshot 2=b", "snapshot 3=c", "synced"}, next(t, snap, 4))
			b.seed(tt.commands...)
			require.Equal(t, tt.events, next(t, live, len(tt.events)))
			require.Equal(t, tt.events, next(t, snap, len(tt.events)))
			require.Equal(t, tt.order, all(t, b.Sorted))

			require.Equal(t, "retracted first", next(t, late, 1)[0])
			if name == "without a position" {
				tt.events = []string{"edited 4=d", "edited 5=e", "retracted 1"} // as it seems afterwards
			}
			require.Equal(t, tt.events, next(t, late, len(tt.events)))
		})
	}
}

// TestLonePublish: a peer that sends a new item without a position does not stop
// the stream.
func TestLonePublish(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sub := follow(t, b.Sorted, sorted.FollowOptions{Snapshot: true})
	require.Equal(t, []string{"synced"}, next(t, sub, 1))
	b.seed("PUBLISH feed.publish:X 1_a")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := sub.Next(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, []string{"published 1=a unknown"}, next(t, sub, 1))
	b.seed("PUBLISH feed.position:X 1_:end")
	require.Equal(t, []string{"moved 1 last"}, next(t, sub, 1))
}

func TestFollowID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.seed(three...)
	sub := follow(t, b.Sorted, sorted.FollowOptions{ID: "2"})
	snap := follow(t, b.Sorted, sorted.FollowOptions{ID: "2", Snapshot: true})
	none := follow(t, b.Sorted, sorted.FollowOptions{ID: "9", Snapshot: true})
	coming := follow(t, b.Sorted, sorted.FollowOptions{ID: "4"})
	must(t, b.Sorted, edit("2", "y"))
	require.Equal(t, []string{"snapshot 2=y", "synced"}, next(t, snap, 2))
	require.Equal(t, []string{"synced"}, next(t, none, 1))
	must(t, b.Sorted, edit("1", "z"), insert("d", sorted.After("2")), move("2", sorted.Last), edit("2", "x"), retract("1"), retract("2"))
	want := []string{"moved 2 last", "edited 2=x", "retracted 2"}
	require.Equal(t, append([]string{"edited 2=y"}, want...), next(t, sub, 4))
	require.Equal(t, want, next(t, snap, 3))
	require.Equal(t, []string{"published 4=d after 2"}, next(t, coming, 1))
	require.NoError(t, b.eng.Delete(context.Background(), b.name))
	require.Equal(t, []string{"deleted"}, next(t, none, 1))
}

func TestSnapshotOfLosses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.seed("RPUSH feed.ids:X 1 2 3 1 4 5", "HSET feed.items:X 1 a 3 c 4 d 7 g", "SET feed.idincr:X 7")
	sub := follow(t, b.Sorted, sorted.FollowOptions{Snapshot: true})
	require.Equal(t, []string{"snapshot 1=a", "snapshot 3=c", "snapshot 4=d", "synced"}, next(t, sub, 4))
	must(t, b.Sorted, move("7", sorted.After("1"))) // brought back: its body was never told
	require.Equal(t, []string{"moved 7 after 1"}, next(t, sub, 1))
}

func TestFollowGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.NoError(t, b.eng.Delete(context.Background(), b.name))
	snap := follow(t, b.Sorted, sorted.FollowOptions{Snapshot: true})
	plain := follow(t, b.Sorted, sorted.FollowOptions{})
	_, err := snap.Next(context.Background())
	require.ErrorIs(t, err, engine.ErrNoSuchName)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = plain.Next(ctx)
	require.True(t, errors.Is(err, context.Canceled), "%v", err)

	_, err = b.eng.Sorted(context.Background(), b.name, sorted.Config{})
	require.NoError(t, err)
	must(t, b.Sorted, insert("a", sorted.Last))
	require.Equal(t, []string{"snapshot 1=a", "synced"}, next(t, snap, 2))
	require.Equal(t, []string{"published 1=a last"}, next(t, plain, 1))
}
