package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestSeriesSteps: rounds go over all values of a scenario, so that a machine that gets slower bends no line.
func TestSeriesSteps(t *testing.T) {
	t.Parallel()
	o, err := parse(strings.Fields("-series workers -repeat 2 -vs radix -d 50ms"))
	require.NoError(t, err)
	var got []string
	for _, s := range o.steps() {
		require.Equal(t, "job/drain", s.scenario.Name)
		require.Equal(t, "workers", s.where.Series)
		require.EqualValues(t, s.where.At, (&Env{options: s.opts}).Int("workers"))
		require.Equal(t, 50*time.Millisecond, s.opts.d)
		if s.where.System == report.Thoonk {
			got = append(got, strings.Repeat("r", s.where.Round)+" "+s.opts.set.Lookup("workers").Value.String())
		}
	}
	require.Equal(t, []string{"r 1", "r 10", "r 100", "r 1000", "rr 1", "rr 10", "rr 100", "rr 1000"}, got)
	require.Len(t, o.steps(), 2*2*4)
}

// TestSeries measures the small values of each series, and prints a row for each.
func TestSeries(t *testing.T) {
	t.Parallel()
	for _, s := range allSeries {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			o, err := parse([]string{"-redis", redistest.Shared(t).URL(), "-series", s.name, "-d=30ms", "-callers=4"})
			require.NoError(t, err)
			require.Len(t, o.lines, len(s.scenarios))
			for i, line := range o.lines {
				require.Len(t, line, len(s.values))
				o.lines[i] = line[:2]
			}
			o.json = "-"
			var stdout, stderr bytes.Buffer
			require.Equal(t, 0, o.bench(t.Context(), nil, &stdout, &stderr), stderr.String())
			r := decode(t, stdout.Bytes())
			require.Len(t, r.Results, 2*len(s.scenarios))
			for i, one := range r.Results {
				require.Equal(t, s.scenarios[i/2], one.Scenario)
				require.Equal(t, s.name, one.Series)
				require.EqualValues(t, s.values[i%2], one.At)
				require.Positive(t, one.PerS)
			}
			var table strings.Builder
			require.NoError(t, report.WriteTable(&table, r.Results))
			require.Regexp(t, s.scenarios[0]+", "+s.name+" [0-9,]+ +thoonk", table.String())
		})
	}
}

// TestSeriesGiveWay: a flag that a series has for all of its points is a default; who gives another value gets it.
func TestSeriesGiveWay(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]int{"-series size": 64, "-series size -callers 8": 8} {
		o, err := parse(strings.Fields(args))
		require.NoError(t, err)
		for _, s := range o.steps() {
			require.Equal(t, want, s.opts.callers, args)
		}
	}
}
