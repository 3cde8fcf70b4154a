package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	for args, want := range map[string]string{
		"-nonsense":                         "unknown flag: --nonsense",
		"-callers many":                     "callers",
		"-callers 0":                        "-callers is 0",
		"-size -1 -repeat 0":                "-repeat is 0",
		"-d 0s":                             "-d is 0s",
		"-d -3s":                            "-d is -3s",
		"-rate -1":                          "-rate is -1",
		"-rtt -1ms":                         "-rtt is -1ms",
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
