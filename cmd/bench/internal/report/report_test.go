package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func one(scenario, system string, round int, perS float64) Result {
	return Result{
		Scenario: scenario, System: system, Round: round, Callers: 256, Size: 100, Ops: int64(perS), Seconds: 1, PerS: perS,
		RedisCPU: Of(4.25), Allocs: Of(0),
	}
}

func results() []Result {
	a := one("feed/publish", Thoonk, 0, 150_000)
	a.P50, a.P99, a.P999, a.Batch = Of(1234.4), Of(2000), Of(30_000), Of(85.26)
	b := one("feed/fanout", Thoonk, 0, 7_000_000)
	b.Set("subscribers", 100)
	b.Set("lagged", 12345)
	b.Set("per_put", 1.25)
	return []Result{b, a, one("feed/publish", Ceiling, 0, 200_000), one("feed/publish", Radix, 0, 50_000)}
}

func TestWriteTable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, WriteTable(&b, results()))
	require.Equal(t, strings.TrimPrefix(`
scenario      system          callers  size      ops/s  p50 µs  p99 µs  p99.9 µs  redis µs/op  batch  allocs/op  more
feed/fanout   thoonk              256   100  7,000,000       –       –         –         4.25      –        0.0  lagged 12,345, per put 1.25, subscribers 100

feed/publish  thoonk              256   100    150,000   1,234   2,000    30,000         4.25   85.3        0.0
              ceiling             256   100    200,000       –       –         –         4.25      –        0.0
              radix               256   100     50,000       –       –         –         4.25      –        0.0
              thoonk/ceiling                     0.75×
              thoonk/radix                       3.00×
`, "\n"), b.String())
}

// TestColumnsWithoutFigures are left out.
func TestColumnsWithoutFigures(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, WriteTable(&b, []Result{{Scenario: "a/b", System: Radix, PerS: 1}}))
	require.Equal(t, "scenario  system  callers  size  ops/s\na/b       radix         0     0      1\n", b.String())
	b.Reset()
	require.NoError(t, WriteTable(&b, nil))
	require.Equal(t, "scenario  system  callers  size  ops/s\n", b.String())
}

func TestWriteMarkdown(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, WriteMarkdown(&b, &Report{
		Env: Env{Go: "go1", OS: "os/arch", GOMAXPROCS: 2, CPU: "a processor", Redis: "7", Server: "redis", Date: "today",
			Commit: "abc", Command: "go run ./cmd/bench -run publish"},
		Results: []Result{one("feed/publish", Thoonk, 1, 1000), one("feed/publish", Thoonk, 2, 3000), one("feed/publish", Thoonk, 3, 1500)},
	}))
	require.Equal(t, strings.TrimPrefix(`
~go run ./cmd/bench -run publish~

go1, os/arch, GOMAXPROCS 2, a processor; Redis 7 (redis); today; commit abc

| scenario | system | callers | size | ops/s | redis µs/op | allocs/op |
|---|---|---:|---:|---:|---:|---:|
| feed/publish | thoonk | 256 | 100 | 1,500 (1,000–3,000) | 4.25 | 0.0 |
`, "\n"), strings.ReplaceAll(b.String(), "`", "~"))
}

func TestSummarize(t *testing.T) {
	t.Parallel()
	list := Summarize([]Result{
		one("x", Thoonk, 1, 100), one("x", Ceiling, 1, 200),
		one("x", Thoonk, 2, 300), one("x", Ceiling, 2, 300),
		one("x", Thoonk, 3, 160), one("x", Ceiling, 3, 200),
		one("y", Thoonk, 1, 10), one("y", Thoonk, 2, 20), // even: the mean of the two in the middle
	})
	require.Len(t, list, 3)
	require.Equal(t, Spread{Median: 160, Min: 100, Max: 300}, list[0].PerS)
	require.Equal(t, map[string]Spread{Ceiling: {Median: 0.8, Min: 0.5, Max: 1}}, list[0].Ratios)
	require.Nil(t, list[1].Ratios)
	require.Equal(t, Spread{Median: 15, Min: 10, Max: 20}, list[2].PerS)
	require.Nil(t, list[2].P50)
	require.InDelta(t, 4.25, *list[2].RedisCPU, 0)

	paced := []Result{one("x", Thoonk, 0, 1), one("x", Radix, 0, 1)}
	paced[0].Rate = Of(1)
	require.Nil(t, Summarize(paced)[0].Ratios, "a ratio of what was given means nothing")
}

// TestJSON: the names are what programs rely on, and what does not apply is null.
func TestJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, (&Report{Results: results()[2:3]}).WriteJSON(&b))
	var raw struct {
		Env     map[string]any
		Results []map[string]any
		Summary any
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &raw))
	require.Nil(t, raw.Summary)
	require.Equal(t, []map[string]any{{
		"scenario": "feed/publish", "system": "ceiling", "callers": 256.0, "size": 100.0, "ops": 200000.0, "seconds": 1.0,
		"ops_per_s": 200000.0, "p50_us": nil, "p99_us": nil, "p999_us": nil, "redis_cpu_us_per_op": 4.25, "batch_mean": nil,
		"allocs_per_op": 0.0, "cpu_us_per_op": nil,
	}}, raw.Results)
	for _, name := range []string{"go", "gomaxprocs", "cpu", "os", "server", "redis", "date", "flags", "command"} {
		require.Contains(t, raw.Env, name)
	}
	b.Reset()
	require.NoError(t, (&Report{}).WriteJSON(&b))
	require.Contains(t, b.String(), `"results": []`)
}

func TestCount(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 999.4: "999", 999.6: "1,000", 1234567: "1,234,567", -1000: "-1,000", math.Pow(10, 6): "1,000,000"} {
		require.Equal(t, want, count(v))
	}
}

func TestCompareSystems(t *testing.T) {
	t.Parallel()
	require.Negative(t, CompareSystems(Thoonk, Ceiling))
	require.Negative(t, CompareSystems(Ceiling, Radix))
	require.Negative(t, CompareSystems(Radix, "asynq"))
	require.Negative(t, CompareSystems("asynq", "river"))
	require.Zero(t, CompareSystems(Radix, Radix))
}
