package feed_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// The unit of scores is that of the newest item; an empty feed has its configured
// one (contract 3, Score). Whatever it is, scores grow.
func TestScores(t *testing.T) {
	t.Parallel()
	now := func() float64 { return float64(time.Now().UnixMicro()) / 1e6 }
	tests := map[string]struct {
		unit    feed.ScoreUnit
		newest  string // score of the item that is there; empty: none
		seconds bool
		behind  bool // the new score is the newest plus a step, not the time
	}{
		"empty":                            {},
		"empty, configured seconds":        {unit: feed.Seconds, seconds: true},
		"milliseconds":                     {newest: "1600000000000"},
		"milliseconds, configured seconds": {unit: feed.Seconds, newest: "1600000000000"},
		"seconds":                          {newest: "1600000000.25", seconds: true},
		"seconds of a float":               {newest: "1600000000.1234567", seconds: true},
		"far ahead, seconds":               {newest: "7999999999", seconds: true, behind: true},
		"far ahead, milliseconds":          {newest: "7999999999999", behind: true},
		"zero":                             {newest: "0", seconds: true},
		"negative":                         {newest: "-17", seconds: true},
		"clock ahead, milliseconds":        {newest: "4000000000000.5", behind: true},
		"clock ahead, seconds":             {newest: "4000000000.5", seconds: true, behind: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, feed.Config{ScoreUnit: tc.unit})
			last := math.Inf(-1)
			if tc.newest != "" {
				b.seed("ZADD feed.ids:X "+tc.newest+" old", "HSET feed.items:X old 0")
				last, _ = strconv.ParseFloat(tc.newest, 64)
			}
			perSecond := 1e3
			if tc.seconds {
				perSecond = 1
			}
			before := now()
			for i := range 300 { // more than fit into a millisecond
				if i%3 == 0 {
					_, err := b.PublishMany(t.Context(), []feed.Item{{ID: fmt.Sprint(2 * i)}, {ID: fmt.Sprint(2*i + 1)}})
					require.NoError(t, err)
				} else {
					require.NoError(t, b.PublishAs(t.Context(), fmt.Sprint(2*i), nil))
				}
			}
			after := now()
			scores := b.peer.Value("feed.ids:" + b.name).([]redistest.Scored)
			if tc.newest != "" {
				require.Equal(t, "old", scores[0].Member)
				scores = scores[1:]
			}
			n := -1
			for _, s := range scores {
				id, err := strconv.Atoi(s.Member)
				require.NoError(t, err)
				require.Greater(t, id, n, "out of order")
				require.Greater(t, s.Score, last, "scores must grow")
				n, last = id, s.Score
			}
			first := scores[0].Score / perSecond
			if tc.behind {
				newest, _ := strconv.ParseFloat(tc.newest, 64)
				assert.InDelta(t, newest/perSecond, first, 0.01)
			} else {
				assert.GreaterOrEqual(t, first, before-1e-5)
				assert.LessOrEqual(t, first, after+1e-5)
			}
		})
	}
}

// However much is published within one millisecond, order is kept; a second
// engine that comes later is behind it.
func TestOrderInsideOfOneMillisecond(t *testing.T) {
	t.Parallel()
	b := newBench(t, feed.Config{})
	var want []string
	for i := range 20 {
		list := make([]feed.Item, 256)
		for j := range list {
			// Ids that sort against the order, so that equal scores would show.
			list[j].ID = fmt.Sprintf("%06d", 999999-256*i-j)
			want = append(want, list[j].ID)
		}
		_, err := b.PublishMany(t.Context(), list)
		require.NoError(t, err)
	}
	ids, err := b.IDs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, ids)
}
