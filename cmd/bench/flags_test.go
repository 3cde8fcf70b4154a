package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/contract"
)

func TestTwoDashes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"-callers 8", "--callers 8"},
		{"--callers 8", "--callers 8"},
		{"-callers=8 -list", "--callers=8 --list"},
		{"-d 5s -d5s -d=5s", "-d 5s -d5s -d=5s"},
		{"-duration 5s", "--duration 5s"},
		{"-json - -run x", "--json - --run x"},
		{"-help", "--help"},
		{"-h", "-h"},
		{"-nonsense", "--nonsense"},
		{"-rate -50", "--rate -50"},
		{"-list -- -list", "--list -- -list"},
		{"", ""},
	} {
		var o options
		require.Equal(t, strings.Fields(c.want), twoDashes(o.flagSet(), strings.Fields(c.args)), c.args)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	o, err := parse(strings.Fields("-callers 8 -d 2s -run feed/get$ --size=7 -json - -subscribers 3"))
	require.NoError(t, err)
	require.Equal(t, 8, o.callers)
	require.Equal(t, 2*time.Second, o.d)
	require.Equal(t, "-", o.json)
	require.Equal(t, 7, o.payloads.size)
	require.Len(t, o.payloads.at(1234567), 7)
	require.Equal(t, o.payloads.textAt(9), string(o.payloads.at(9)))
	require.Len(t, o.plan, 1)
	require.Equal(t, "feed/get", o.plan[0].Name)
	require.Equal(t, 3, (&Env{options: o}).Int("subscribers"))
}

// TestDefaultsAreQuick: however many scenarios there are, all together stay below 30 seconds.
func TestDefaultsAreQuick(t *testing.T) {
	t.Parallel()
	o, err := parse(nil)
	require.NoError(t, err)
	require.LessOrEqual(t, o.d, time.Second)
	require.LessOrEqual(t, time.Duration(len(o.steps()))*(o.d+warmUp(o.d)), 25*time.Second)
}

func TestInput(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	require.NoError(t, os.WriteFile(file, []byte("{\"a\":1}\n\n{\"b\":22}\r\n[]"), 0o600))
	o, err := parse([]string{"-input", file})
	require.NoError(t, err)
	require.Equal(t, []string{`{"a":1}`, `{"b":22}`, `[]`}, o.payloads.texts)
	require.Equal(t, 5, o.payloads.size)
}

func TestWrongFlags(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n\n"), 0o600))
	long := filepath.Join(t.TempDir(), "long")
	require.NoError(t, os.WriteFile(long, append([]byte("x\n"), make([]byte, contract.DefaultMaxItem+1)...), 0o600))
	for args, want := range map[string]string{
		"-nonsense":                         "unknown flag: --nonsense",
		"-callers many":                     "callers",
		"-callers 0":                        "-callers is 0",
		"-size -1 -repeat 0":                "-repeat is 0",
		"-d 0s":                             "-d is 0s",
		"-d -3s":                            "-d is -3s",
		"-d 24h1s":                          "-d is 24h0m1s, it must be at most 24h0m0s",
		"-rate -1":                          "-rate is -1",
		"-rate NaN":                         "-rate is NaN, it must be from 0.01 to 1000000, or 0",
		"-rate Inf":                         "-rate is +Inf, it must be from 0.01",
		"-rate=-Inf":                        "-rate is -Inf, it must be from 0.01",
		"-rate 1000001":                     "it must be from 0.01 to 1000000",
		"-rate 0.009":                       "-rate is 0.009, it must be from 0.01",
		"-rtt -1ms":                         "-rtt is -1ms",
		"-rtt 10001ms":                      "-rtt is 10.001s, it must be at most 10s",
		"-size 67108865 -list":              "-size is 67108865, it must be at most 67108864",
		"-series size -size 67108865":       "-size is 67108865, it must be at most 67108864",
		"-repeat 1001":                      "-repeat is 1001, it must be at most 1000",
		"-repeat 2000000000000":             "-repeat is 2000000000000, it must be at most 1000",
		"-series all -repeat 2000000000000": "-repeat is 2000000000000, it must be at most 1000",
		"-stored 10000001":                  "-stored is 10000001, it must be at most 10000000",
		"-callers 100001":                   "-callers is 100001, it must be at most 100000",
		"-workers 100001 -subscribers 7":    "-workers is 100001, it must be at most 100000",
		"-names 100001 -run feed/get":       "-names is 100001, it must be at most 100000",
		"-topology cluster:0 -run feed/get": "-topology is \"cluster:0\": want single, sentinel or cluster:n with n from 1 to 9",
		"-topology cluster:10":              "-topology is \"cluster:10\"",
		"-topology single:2":                "-topology is \"single:2\"",
		"-topology ring -list":              "-topology is \"ring\"",
		"-fault burnt -run feed/get":        "-fault is \"burnt\": want killed, stopped, planned or cut-off",
		"-input /dev/zero":                  "-input: /dev/zero has more than 268435456 bytes",
		"-input " + long:                    "-input: line 2 of " + long + ": item too large: 67108865 bytes, the limit is 67108864",
		"-stored -1":                        "-stored is -1",
		"-vs river":                         "-vs has \"river\": want some of ceiling, radix, asynq, asynq-8, bullmq",
		"-vs asynq -system thoonk":          "-system and -vs exclude each other",
		"-rate 5 -run job/drain$":           "nothing to run",
		"-rate 5 -run topology/":            "nothing to run",
		"-series feet":                      "-series has \"feet\": want some of callers, names",
		"-series size -run job/drain":       "nothing to run: no scenario of -series size",
		"-series names -system ceiling":     "nothing to run: no scenario of -series names matches -run \"\" and -system \"ceiling\"",
		"-series size -callers 0":           "-callers is 0",
		"-run (":                            "-run: ",
		"-system (":                         "-system: ",
		"-run nothing-like-it":              "nothing to run",
		"-rate 5 -system ceiling":           "nothing to run",
		"-server cloud":                     "-server is \"cloud\"",
		"-server redis -redis unix:///x":    "exclude each other",
		"-redis localhost:6379":             "-redis: ",
		"-redis http://localhost":           "scheme \"http\"",
		"-redis redis://:secret@host:1/two": "database \"two\"",
		"-json - -markdown":                 "exclude each other",
		"-size 5 -input " + empty:           "exclude each other",
		"-input " + empty:                   "has no lines",
		"-input " + empty + ".gone":         "-input: ",
		"surplus":                           "unexpected argument \"surplus\"",
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitUsage, run(t.Context(), strings.Fields(args), &stdout, &stderr), args)
		require.Contains(t, stderr.String(), want, args)
		require.NotContains(t, stderr.String(), "secret")
		require.Empty(t, stdout.String(), args)
	}
}

// TestEverythingCounts: no int flag is without a limit, those that scenarios declare included.
func TestEverythingCounts(t *testing.T) {
	t.Parallel()
	var o options
	counts := 0
	o.flagSet().VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() != "int" {
			require.NotRegexp(t, "int|count|Slice$", strings.TrimPrefix(f.Value.Type(), "stringSlice"), "a kind of number that nobody checks")
			return
		}
		counts++
		_, err := readFlags([]string{"--" + f.Name + "=" + strconv.Itoa(most(f.Name))})
		require.NoError(t, err)
		_, err = readFlags([]string{"--" + f.Name + "=" + strconv.Itoa(most(f.Name)+1)})
		require.ErrorContains(t, err, "-"+f.Name+" is ")
	})
	require.Greater(t, counts, 8)
	_, err := readFlags(strings.Fields("-d 24h -rtt 10s -rate 1e6 -topology cluster:9 -fault cut-off"))
	require.NoError(t, err)
	_, err = readFlags(strings.Fields("-rate 0.01 -run job/put$ -topology cluster"))
	require.NoError(t, err)
}

func TestListAndHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, 0, run(t.Context(), []string{"-list", "-series", "all", "-system", "ceiling"}, &stdout, &stderr))
	require.Equal(t, []string{"feed/publish", "job/put", "queue/put", "feed/get", "job/drain"},
		regexp.MustCompile(`(?m)^\w+/\w+`).FindAllString(stdout.String(), -1), "of the series that it has")
	stdout.Reset()
	require.Equal(t, 0, run(t.Context(), []string{"-list"}, &stdout, &stderr))
	for _, s := range scenarios() {
		require.Contains(t, stdout.String(), s.Name+" ")
		require.Contains(t, stdout.String(), s.Doc)
	}
	for _, help := range []string{"-h", "-help", "--help"} {
		stdout.Reset()
		require.Equal(t, 0, run(t.Context(), []string{help}, &stdout, &stderr))
		require.Contains(t, stdout.String(), "Usage: go run ./cmd/bench [flags]")
		require.Contains(t, stdout.String(), "--subscribers")
	}
	require.Empty(t, stderr.String())
}

func TestServerCannotBeReached(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	url := "unix://:secret@" + t.TempDir() + "/no.sock"
	require.Equal(t, exitFailed, run(t.Context(), []string{"-redis", url, "-json=-"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "cannot use the url server")
	require.NotContains(t, stderr.String(), "secret")
	require.Empty(t, stdout.String())
}

func TestPasswordsAreHidden(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"-redis", "redis://…@host:1/2", "-redis=unix://…@/x", "-run", "a@b"},
		hidePassword([]string{"-redis", "redis://u:p@ss@host:1/2", "-redis=unix://:p@/x", "-run", "a@b"}))
}

// TestSystems: peers have to be asked for.
func TestSystems(t *testing.T) {
	t.Parallel()
	for args, want := range map[string][]string{
		"-run job/put$":                       {"thoonk", "ceiling", "radix"},
		"-run job/put$ -vs asynq":             {"thoonk", "asynq"},
		"-run job/put$ -vs bullmq,ceiling":    {"thoonk", "ceiling", "bullmq"},
		"-run job/put$ -system asynq|radix":   {"radix", "asynq"},
		"-run job/put-many$ -vs asynq,bullmq": {"thoonk", "bullmq"},
		"-run job/drain-rtt$":                 {"thoonk", "without"},
	} {
		o, err := parse(strings.Fields(args))
		require.NoError(t, err, args)
		require.Len(t, o.plan, 1, args)
		require.Equal(t, want, o.plan[0].systems(), args)
	}
}

// TestSharedFlags: -names has another default in each of its scenarios.
func TestSharedFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]int{"-run topology/spread": 300, "-run topology/spread -names 7": 7} {
		o, err := parse(strings.Fields(args))
		require.NoError(t, err)
		require.Equal(t, want, (&Env{options: o}).spreadNames(), args)
	}
	o, err := parse(nil)
	require.NoError(t, err)
	require.Equal(t, 100, (&Env{options: o}).Int("names"))
}
