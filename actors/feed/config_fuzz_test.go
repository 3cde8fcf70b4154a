package feed_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// Whatever peers have written into the configuration: the feed is bounded as its configuration reads, and keeps the
// newest items in their order.
func FuzzConfig(f *testing.F) {
	for _, v := range []string{"", "-1", "0", "1", "2", "007", "+2", "1e9", "inf", "nan", "0x10", " 7", "9223372036854775807", "9223372036854", "99999999999999999999", "\x00", "\xff", "1\n", "1.5"} {
		f.Add(v, "", "")
		f.Add("2", v, v)
		f.Add(v, "s", v)
	}
	eng, err := engine.Open(context.Background(), engine.Config{URL: redistest.Shared(f).URL()})
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, eng.Close(context.Background())) })
	url, name := redistest.Shared(f).URL(), redistest.Name(f)
	f.Fuzz(func(t *testing.T, bound, unit, title string) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_ = eng.Delete(ctx, name)
		news, err := eng.Feed(ctx, name, feed.Config{})
		require.NoError(t, err)
		redistest.Client(t, url).Do("HSET", "feed.config:"+name, "max_length", bound, "score_unit", unit, "title", title, "serializer", title)
		cfg, err := news.Config(ctx)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, cfg.MaxLength, 0)
		assert.Equal(t, title, cfg.Title)
		want := []string{"a", "b", "c", "d"}
		for _, id := range want {
			require.NoError(t, news.PublishAs(ctx, id, []byte(id)))
		}
		if n := cfg.MaxLength; n > 0 && n < len(want) {
			want = want[len(want)-n:]
		}
		ids, err := news.IDs(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, ids)
		n, err := news.Len(ctx)
		require.NoError(t, err)
		assert.Equal(t, len(want), n)
	})
}
