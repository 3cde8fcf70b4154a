package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/delay"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// mainEnv makes the test binary be the program.
const mainEnv = "THOONK_BENCH_MAIN"

func TestMain(m *testing.M) {
	if delay.Child() {
		os.Exit(0)
	}
	if os.Getenv(mainEnv) != "" {
		register(telling)
		register(stubborn)
		main()
	}
	redistest.Main(m)
}

// measuring is what telling says in the middle of a run.
const measuring = "it is measured now"

// telling is feed/publish for a test that has to know when the warm-up is over.
var telling = Scenario{Name: "test/telling", Systems: map[string]System{
	report.Thoonk: func(ctx context.Context, e *Env) (Result, error) {
		control, f, err := thoonkFeed(ctx, e)
		if err != nil {
			return Result{}, err
		}
		var loops atomic.Int64
		r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
			if caller == 0 && n == 0 {
				loops.Add(1)
			}
			if caller == 0 && n == 100 && loops.Load() == 2 {
				fmt.Fprintln(os.Stderr, measuring)
			}
			_, err := f.Publish(ctx, e.payloads.at(spread(caller, n)))
			return err
		})
		if err != nil {
			return r, err
		}
		return r, checkLen(ctx, e, control, r.Total)
	},
	report.Radix: publishRadix,
}}

// stubborn says when it runs and when it is interrupted, and then does not end.
var stubborn = Scenario{Name: "test/stubborn", Systems: map[string]System{
	report.Thoonk: func(ctx context.Context, _ *Env) (Result, error) {
		fmt.Fprintln(os.Stderr, measuring)
		<-ctx.Done()
		fmt.Fprintln(os.Stderr, measuring)
		select {}
	},
}}

// decode reads stdout, which must hold one JSON value and nothing else.
func decode(t *testing.T, stdout []byte) report.Report {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(stdout))
	dec.DisallowUnknownFields()
	var r report.Report
	require.NoError(t, dec.Decode(&r), "%s", stdout)
	_, err := dec.Token()
	require.ErrorIs(t, err, io.EOF, "something stands behind the JSON")
	return r
}

// alone are scenarios that count what the whole process or its server does.
var alone = regexp.MustCompile("^(queue/idle|queue/wakeone|feed/idle|feed/restart|topology/failover)$")

// brief are flags of a short run.
var brief = []string{"-callers=4", "-subscribers=5", "-queues=20", "-feeds=100"}

// TestScenarios runs everything there is, briefly.
func TestScenarios(t *testing.T) {
	t.Parallel()
	t.Run("all", func(t *testing.T) {
		for _, s := range scenarios() {
			for _, system := range s.systems() {
				if alone.MatchString(s.Name) || isPeer(system) { // see TestPeers
					continue
				}
				t.Run(s.Name+"/"+system, func(t *testing.T) {
					t.Parallel()
					r := runOne(t, s, system)
					checkResult(t, r, s.Name, system)
					if s.Name != "job/memory" {
						require.Greater(t, r.Seconds, 0.05)
					}
				})
			}
		}
	})
}

// TestScenariosAlone is not parallel: those that are have not begun at its time.
func TestScenariosAlone(t *testing.T) {
	figures := make(map[string]map[string]float64)
	for _, s := range scenarios() {
		if alone.MatchString(s.Name) {
			t.Run(s.Name, func(t *testing.T) {
				r := runOne(t, s, report.Thoonk)
				checkResult(t, r, s.Name, report.Thoonk)
				figures[s.Name] = r.Extra
			})
		}
	}
	if redistest.Shared(t).Embedded() || t.Failed() {
		return
	}
	require.EqualValues(t, 4+1, figures["queue/idle"]["connections"], "all queues wait on one")
	// About one, or somebody stalls: then items that wait are taken without a pop, and pops end without an item. If each put
	// woke all who wait, it would be eight.
	require.Less(t, figures["queue/wakeone"]["takes_per_put"], 4.0)
	require.Less(t, figures["queue/wakeone"]["pops_per_put"], 4.0)
	require.Positive(t, figures["queue/wakeone"]["pops_per_put"])
	require.Zero(t, figures["feed/idle"]["goroutines_left"])
	require.Positive(t, figures["feed/restart"]["acknowledged"])
	checkFailover(t, figures["topology/failover"])
}

// checkFailover: calls wait for the successor, and an error says what became of its call.
func checkFailover(t *testing.T, figures map[string]float64) {
	require.Positive(t, figures["acknowledged"])
	require.Greater(t, figures["gap_ms"], float64(failoverTimeout.Milliseconds())/2, "nobody could write for as long as the primary was missing")
	require.Zero(t, figures["errors_other"])
}

// TestFailoverOfSentinel is not parallel either.
func TestFailoverOfSentinel(t *testing.T) {
	redistest.Shared(t).NeedReal(t)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-run", "^topology/failover$", "-topology", "sentinel", "-d", "100ms", "-json", "-"}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	r := decode(t, stdout.Bytes())
	require.Len(t, r.Results, 2)
	require.Equal(t, report.Thoonk, r.Results[0].System)
	checkFailover(t, r.Results[0].Extra)
	require.Equal(t, report.Radix, r.Results[1].System)
	require.Positive(t, r.Results[1].Extra["acknowledged"])
}

func TestFailoverRefuses(t *testing.T) {
	t.Parallel()
	redistest.Shared(t).NeedReal(t)
	for _, topology := range []string{"single", "cluster:2"} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitFailed, run(t.Context(), []string{"-run=^topology/failover$", "-topology", topology, "-d=50ms"}, &stdout, &stderr))
		require.Contains(t, stderr.String(), "-topology is not sentinel or cluster:3")
	}
}

// runOne runs one scenario on one system.
func runOne(t *testing.T, s *Scenario, system string) Result {
	t.Helper()
	server := []string{"-redis", redistest.Shared(t).URL()}
	if s.Private {
		redistest.Shared(t).NeedReal(t)
		server = []string{"-server", "redis"}
	}
	d := "100ms"
	if s.Name == "queue/wakeone" {
		d = "1s" // 100 puts: what it costs to begin counts for little
	}
	var stdout, stderr bytes.Buffer
	args := append(server, "-run", "^"+s.Name+"$", "-system", "^"+system+"$", "-d", d, "-json", "-")
	code := run(t.Context(), append(args, brief...), &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	require.NotContains(t, stderr.String(), "FAILED")
	r := decode(t, stdout.Bytes())
	require.Len(t, r.Results, 1)
	return r.Results[0]
}

// TestNothingIsLeft is not parallel: at its time nobody else has names.
func TestNothingIsLeft(t *testing.T) {
	target := redistest.Shared(t)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"-redis", target.URL(), "-d", "20ms", "-size=1000"}, brief...), &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	for _, s := range scenarios() {
		if s.OnDemand {
			require.NotContains(t, stdout.String()+stderr.String(), s.Name)
		} else if s.Private {
			require.Contains(t, stderr.String(), s.Name+" is left out")
		} else {
			require.Contains(t, stdout.String(), s.Name)
		}
	}
	peer := redistest.Client(t, target.URL())
	require.Empty(t, peer.Do("KEYS", "*bench:*"))
	for _, name := range peer.Do("SMEMBERS", string(contract.Feeds)).([]any) {
		require.NotContains(t, name, "bench:")
	}
}

func checkResult(t *testing.T, r Result, scenario, system string) {
	require.Equal(t, scenario, r.Scenario)
	require.Equal(t, system, r.System)
	require.Equal(t, 100, r.Size)
	require.Positive(t, r.Callers)
	require.Positive(t, r.Ops)
	require.InEpsilon(t, float64(r.Ops)/r.Seconds, r.PerS, 1e-6)
	require.Equal(t, isPeer(system), r.Allocs == nil)
	require.False(t, r.Interrupted)
	if system == report.Ceiling || scenario == "job/memory" || strings.HasSuffix(scenario, "-async") ||
		strings.HasPrefix(scenario, "job/drain") && system != report.Radix { // no callers that wait
		require.Nil(t, r.P50)
	} else {
		require.Positive(t, *r.P50)
		require.GreaterOrEqual(t, *r.P99, *r.P50)
		require.GreaterOrEqual(t, *r.P999, *r.P99)
	}
	if system == report.Thoonk && scenario != "job/memory" {
		require.GreaterOrEqual(t, *r.Batch, 1.0)
	} else {
		require.Nil(t, r.Batch)
	}
}

func TestOpenLoop(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{
		"-redis", redistest.Shared(t).URL(), "-run=feed/(get|fanout)", "-d=200ms", "-callers=4", "-subscribers=3", "-rate=200", "-json=-",
	}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	r := decode(t, stdout.Bytes())
	require.Len(t, r.Results, 4, "thoonk and radix, no ceiling")
	for _, one := range r.Results {
		require.EqualValues(t, 200, *one.Rate)
		require.Contains(t, one.Extra, "late")
		require.Less(t, one.Ops, int64(200)) // 40 calls are due
	}
}

func TestRoundsAreInterleaved(t *testing.T) {
	t.Parallel()
	target := redistest.Shared(t)
	var stdout, stderr bytes.Buffer
	file := t.TempDir() + "/out.json"
	code := run(t.Context(), []string{
		"-redis", target.URL(), "-run=publish$", "-system=thoonk|ceiling", "-d=50ms", "-callers=4", "-repeat=2", "-markdown", "-json", file,
	}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	require.Contains(t, stderr.String(), "bench: the server at ")
	require.Contains(t, stdout.String(), "| feed/publish | thoonk | 4 | 100 |")
	require.Contains(t, stdout.String(), "| thoonk/ceiling |")
	require.Contains(t, stdout.String(), "`go run ./cmd/bench -redis ")

	data, err := os.ReadFile(file)
	require.NoError(t, err)
	r := decode(t, data)
	var order []string
	for _, one := range r.Results {
		order = append(order, one.System)
	}
	require.Equal(t, []string{"thoonk", "ceiling", "thoonk", "ceiling"}, order)
	require.Equal(t, []int{1, 2}, []int{r.Results[0].Round, r.Results[2].Round})
	require.Len(t, r.Summary, 2)
	require.Equal(t, 2, r.Summary[0].Rounds)
	require.Contains(t, r.Summary[0].Ratios, "ceiling")
	require.Equal(t, kindURL, r.Env.Server)
	require.Equal(t, "50ms", r.Env.Flags["duration"])
}

// TestFailureIsLoud: a run whose result is wrong is not printed, the others are, and the exit code tells.
func TestFailureIsLoud(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-server=embedded", "-d=20ms", "-callers=2", "-json=-"})
	require.NoError(t, err)
	wrong := func(ctx context.Context, e *Env) (Result, error) {
		r, err := e.Measure(ctx, 1, func(context.Context, int, int) error { return nil })
		return r, errors.Join(err, same("what was stored", r.Total-1, r.Total))
	}
	o.plan = []*Scenario{
		{Name: "test/wrong", Systems: map[string]System{report.Thoonk: wrong}},
		{Name: "test/right", Systems: map[string]System{report.Thoonk: func(ctx context.Context, e *Env) (Result, error) {
			return e.Measure(ctx, 1, func(context.Context, int, int) error { return nil })
		}}},
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailed, o.bench(t.Context(), nil, &stdout, &stderr))
	require.Contains(t, stderr.String(), "test/wrong on thoonk FAILED: WRONG RESULT: what was stored is ")
	r := decode(t, stdout.Bytes())
	require.Len(t, r.Results, 1)
	require.Equal(t, "test/right", r.Results[0].Scenario)
	require.Contains(t, stderr.String(), "bench: the embedded server")
	require.Equal(t, kindEmbedded, r.Env.Server)
	require.Nil(t, r.Results[0].RedisCPU, "it would be our own")
}

// TestInterrupt sends the program a signal in the middle of its first run: the second one does not begin.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-run=test/telling", "-system=thoonk|radix", "-d=10s", "-callers=4", "-json=-")
	cmd.Env = append(os.Environ(), mainEnv+"=1", "TMPDIR="+t.TempDir())
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }()

	said := bufio.NewReader(stderr)
	line, err := said.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "bench: ", "which server")
	line, err = said.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, measuring+"\n", line)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(said)
	require.NoError(t, err)
	checkInterrupted(t, cmd, &stdout, rest)
	require.Contains(t, string(rest), "interrupted")

	left, err := os.ReadDir(strings.TrimPrefix(cmd.Env[len(cmd.Env)-1], "TMPDIR="))
	require.NoError(t, err)
	require.Empty(t, left, "the private server left something")
}

// checkInterrupted waits for the program to end and checks that it tells of the run that was under way; rest is what it said.
func checkInterrupted(t *testing.T, cmd *exec.Cmd, stdout *bytes.Buffer, rest []byte) {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, exitInterrupted, exit.ExitCode(), "%s", rest)
	r := decode(t, stdout.Bytes())
	require.Len(t, r.Results, 1)
	require.True(t, r.Results[0].Interrupted)
	require.Positive(t, r.Results[0].Ops)
}

func TestInterruptedBeforeAnything(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o, err := parse([]string{"-server=embedded", "-json=-"})
	require.NoError(t, err)
	o.plan = []*Scenario{{Name: "test/cut", Systems: map[string]System{
		report.Thoonk: func(ctx context.Context, e *Env) (Result, error) { cancel(); return Result{}, ctx.Err() },
		report.Radix:  func(context.Context, *Env) (Result, error) { t.Error("it goes on"); return Result{}, nil },
	}}}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitInterrupted, o.bench(ctx, nil, &stdout, &stderr))
	require.Contains(t, stdout.String(), `"results": []`)
	require.NotContains(t, stderr.String(), "FAILED")
}
