package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func page() *Page {
	alone := one("feed/publish", Thoonk, 1, 900)
	alone.Part, alone.P50 = "one caller", Of(130)
	theirs := one("feed/publish", Radix, 1, 1000)
	theirs.Part, theirs.P50 = "one caller", Of(100)
	lines := []Result{one("job/drain", Thoonk, 1, 10), one("job/drain", Thoonk, 1, 90)}
	for i := range lines {
		lines[i].Series, lines[i].At = "workers", []float64{1, 1000}[i]
	}
	waits, bare := one("queue/pingpong", Thoonk, 1, 100), one("queue/pingpong", Radix, 1, 100)
	waits.Rate, waits.P50, bare.Rate, bare.P50 = Of(200), Of(300), Of(200), Of(250)
	return &Page{
		Report: &Report{
			Env: Env{Go: "go1", Cores: 2, CPU: "a processor", Redis: "7", Server: "redis", Command: "go run ./cmd/bench -report", Versions: map[string]string{"asynq": "v1"}},
			Results: append([]Result{
				one("job/put", Thoonk, 1, 200_000), one("job/put", "asynq", 1, 100_000), one("job/put", Ceiling, 1, 210_000),
				{Scenario: "job/put", System: "bullmq", Note: "not installed: make bench-peers"},
				one("feed/fanout", Thoonk, 1, 5_000_000), waits, bare, alone, theirs,
			}, lines...),
		},
		Pictures: []string{"peers"}, Dir: "docs", Findings: "because", Lengths: "long",
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, page().Write(&b))
	for _, want := range []string{
		"\ngo run ./cmd/bench -report\n", "| asynq | v1 |\n", "because", "long",
		"| job/put | ops/s, Thoonk / ceiling | ≥ 0.85× | 0.95× | reached |\n",
		"| job/put | ops/s, Thoonk / asynq | ≥ 2.50× | 2.00× | **missed** |\n",
		"| job/put | ops/s, Thoonk / bullmq | ≥ 4.00× | – | not measured |\n",
		"| feed/publish, one caller | median latency, Thoonk / radix | ≤ 1.20× | 1.30× | **missed** |\n",
		"| feed/fanout | ops/s | ≥ 300,000 | 5,000,000 | reached |\n",
		"|  | bullmq | – | – | – | – | – | – | not installed: make bench-peers |\n",
		"- `feed/publish`, one caller: 0.90× of the throughput of radix\n",
		"- `queue/pingpong`: the median latency is 300 µs, of radix 250 µs\n",
		"### workers\n", "| job/drain | thoonk | 1 | 10 |", "|  | thoonk | 1,000 | 90 |",
		"![Jobs per second of Thoonk, the ceiling, radix, asynq and BullMQ](docs/peers.svg)",
	} {
		require.Contains(t, b.String(), want)
	}
	require.NotContains(t, b.String(), "](docs/costs.svg)", "it was not drawn")
	require.Contains(t, b.String(), "| Redis | 7 (redis), on a unix socket, without persistence |\n")
	require.Equal(t, 2, strings.Count(b.String(), "\n- `feed/publish`, one caller")+strings.Count(b.String(), "\n- `queue/pingpong`"), "each loss stands once")
}

// TestPageOfAnotherServer: of a server that we did not start we do not know how it is reached and what it keeps.
func TestPageOfAnotherServer(t *testing.T) {
	t.Parallel()
	p := page()
	p.Env.Server = "url"
	var b bytes.Buffer
	require.NoError(t, p.Write(&b))
	require.Contains(t, b.String(), "| Redis | 7 (url) |\n")
}

// TestWriteLines: it is JSON, and has a line for each result.
func TestWriteLines(t *testing.T) {
	t.Parallel()
	for _, r := range []*Report{page().Report, {}} {
		var b bytes.Buffer
		require.NoError(t, r.WriteLines(&b))
		var again Report
		require.NoError(t, json.Unmarshal(b.Bytes(), &again), b.String())
		require.Len(t, again.Results, len(r.Results))
		for i := range r.Results {
			require.Equal(t, r.Results[i], again.Results[i])
		}
		require.Equal(t, len(r.Results)+3, strings.Count(b.String(), "\n"), b.String())
	}
}
