package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestPeers runs each scenario that peers have on those that are installed. Nobody has to install them for the tests.
func TestPeers(t *testing.T) {
	t.Parallel()
	for _, p := range peers {
		_, _, err := p.command()
		var why absent
		if errors.As(err, &why) {
			fmt.Fprintf(os.Stderr, "\n*** %s IS NOT TESTED: %v ***\n\n", p.name, err)
			t.Logf("%s is not tested: %v", p.name, err)
			continue
		}
		require.NoError(t, err)
		for _, s := range scenarios() {
			if s.Systems[p.name] == nil {
				continue
			}
			t.Run(s.Name+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				redistest.Shared(t).NeedReal(t)
				r := runOne(t, s, p.name)
				checkResult(t, r, s.Name, p.name)
				require.Equal(t, s.Name == "job/put" || s.Name == "job/put-many" || s.Name == "job/drain" || s.Name == "job/drain-rtt", r.CPU != nil)
				peer := redistest.Client(t, redistest.Shared(t).URL())
				require.Empty(t, peer.Do("KEYS", "*bench-"+p.name+"*"))
			})
		}
	}
}

// TestPeersAtARate: calls are due at a fixed rate for peers too.
func TestPeersAtARate(t *testing.T) {
	t.Parallel()
	redistest.Shared(t).NeedReal(t)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{
		"-redis", redistest.Shared(t).URL(), "-run=job/put$", "-vs=asynq,bullmq", "-d=200ms", "-callers=4", "-rate=200", "-json=-",
	}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	r := decode(t, stdout.Bytes())
	require.Len(t, r.Results, 3)
	for _, one := range r.Results {
		if one.Note != "" {
			require.Contains(t, one.Note, "not installed")
			continue
		}
		require.EqualValues(t, 200, *one.Rate, one.System)
		require.InDelta(t, 40, float64(one.Ops)+one.Extra["late"], 1, one.System)
		require.Equal(t, one.System == bullmq.name, one.CPU == nil, "it waits by spinning")
	}
}

// TestAbsentPeer: a peer that cannot run has a row that says why, and nothing has failed.
func TestAbsentPeer(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-server=embedded", "-run=job/put$", "-vs=asynq", "-d=20ms", "-callers=4", "-repeat=2"}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	require.Regexp(t, `asynq +– +– +– .* (needs a redis-server|not installed: make bench-peers)\n`, stdout.String())
	require.NotContains(t, stdout.String(), "thoonk/asynq")
	require.NotContains(t, stderr.String(), "FAILED")
}

// TestRoundTrips: with -rtt what is measured is that far away, and what fills and checks is not.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"feed/publish", "feed/fanout", "queue/get", "queue/pingpong", "job/put", "job/drain", "job/pipeline", "sorted/append"} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			args := []string{"-redis", redistest.Shared(t).URL(), "-run=^" + scenario + "$", "-rtt=5ms", "-d=200ms", "-json=-"}
			require.Equal(t, 0, run(t.Context(), append(args, brief...), &stdout, &stderr), stderr.String())
			for _, r := range decode(t, stdout.Bytes()).Results {
				require.GreaterOrEqual(t, r.Extra["rtt_us"], 4000.0, r.System) // less what the forwarder's work is thought to be
				if !redistest.Shared(t).Embedded() {
					require.NotNil(t, r.CPU, r.System) // the forwarder is a process of its own
				}
				if r.P50 != nil {
					require.GreaterOrEqual(t, *r.P50, 4000.0, r.System)
				}
			}
		})
	}
}

// TestStored: items that are there before are neither counted nor forgotten.
func TestStored(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		if !s.Stored {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			args := []string{"-redis", redistest.Shared(t).URL(), "-run=^" + s.Name + "$", "-stored=1000", "-d=50ms", "-json=-"}
			require.Equal(t, 0, run(t.Context(), append(args, brief...), &stdout, &stderr), stderr.String())
			require.Len(t, decode(t, stdout.Bytes()).Results, 3)
		})
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{
		"-redis", redistest.Shared(t).URL(), "-run=feed/publish$", "-system=thoonk", "-d=50ms", "-callers=4",
		"-cpuprofile", dir + "/cpu", "-memprofile", dir + "/mem",
	}, &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	for _, name := range []string{"cpu", "mem"} {
		data, err := os.ReadFile(dir + "/" + name)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(data, []byte{0x1f, 0x8b}), "%s is no profile", name)
	}
	code = run(t.Context(), []string{"-server=embedded", "-run=feed/publish$", "-d=20ms", "-cpuprofile", dir + "/no/where"}, &stdout, &stderr)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr.String(), "-cpuprofile")
}
