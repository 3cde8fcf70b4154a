package job_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// Whatever peers have written into the configuration: a job can be put, claimed, and
// brought to an end, and is in one state afterwards.
func FuzzConfig(f *testing.F) {
	for _, v := range []string{"", "-1", "0", "1", "1e9", "inf", "nan", "-nan", "0x10", " 7", "9223372036854775807", "9223372036854", "99999999999999999999", "\x00", "\xff", "1\n", "1.5"} {
		f.Add(v, "", "", "")
		f.Add("", v, v, "")
		f.Add(v, v, v, v)
	}
	eng, err := engine.Open(context.Background(), engine.Config{URL: redistest.Shared(f).URL()})
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, eng.Close(context.Background())) })
	name := redistest.Name(f)
	f.Fuzz(func(t *testing.T, timeout, failures, backoff, other string) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_ = eng.Delete(ctx, name)
		j, err := eng.Jobs(ctx, name, job.Config{})
		require.NoError(t, err)
		require.NoError(t, eng.Configure(ctx, name, map[string]string{
			"timeout": timeout, "max_failures": failures, "min_backoff": backoff, "max_backoff": other, "result_ttl": other, "notices": other,
		}))
		cfg, err := j.Config(ctx)
		require.NoError(t, err)
		assert.True(t, cfg.Timeout >= 0 && cfg.MaxFailures >= 0 && cfg.MinBackoff >= 0 && cfg.MaxBackoff >= 0 && cfg.ResultTTL >= 0)
		for _, end := range []func(*job.Claim) error{
			func(c *job.Claim) error { return c.Cancel(ctx, "why") },
			func(c *job.Claim) error { return c.Finish(ctx, []byte("r")) },
		} {
			_, err = j.Put(ctx, []byte("x"))
			require.NoError(t, err)
			c, err := j.TryGet(ctx)
			require.NoError(t, err)
			require.NoError(t, end(c))
			n, err := j.Counts(ctx)
			require.NoError(t, err)
			assert.Equal(t, n.Jobs, n.Available+n.Claimed+n.Delayed+n.Stalled)
			assert.Zero(t, n.Claimed)
			for id, err := range j.IDs(ctx, job.All) {
				require.NoError(t, err)
				i, err := j.Info(ctx, id)
				require.NoError(t, err)
				assert.NotEmpty(t, i.State)
				require.NoError(t, j.Retract(ctx, id))
			}
		}
	})
}
