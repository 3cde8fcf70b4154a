package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTooLargeForCalls: what would need calls of 64 items that are too large for one says so in its row.
func TestTooLargeForCalls(t *testing.T) {
	t.Parallel()
	for args, rows := range map[string]int{
		"-run=^feed/(publish|get)$ -system=ceiling":                              2,
		"-run=^job/(drain|put)$ -system=ceiling":                                 2,
		"-run=^(job/drain|queue/get)$ -system=thoonk":                            2,
		"-run=^(feed/publish|queue/put|sorted/append)$ -stored=1 -system=thoonk": 3,
	} {
		var stdout, stderr bytes.Buffer
		all := append(strings.Fields(args), "-server=embedded", "-size=4194305", "-d=20ms", "-callers=1", "-json=-")
		require.Equal(t, 0, run(t.Context(), all, &stdout, &stderr), stderr.String())
		r := decode(t, stdout.Bytes())
		require.Len(t, r.Results, rows, args)
		for _, one := range r.Results {
			require.Equal(t, "64 items of that size are too large for a call", one.Note, "%s on %s", one.Scenario, one.System)
		}
	}
}

// TestNothingIsBuiltForNothing: calls that fill are built only where something is to be filled in.
func TestNothingIsBuiltForNothing(t *testing.T) {
	t.Parallel()
	for _, e := range []*Env{
		{options: &options{}, scenario: &Scenario{Stored: true}},
		{options: &options{stored: 7}, scenario: &Scenario{}},
	} {
		require.NoError(t, e.prefill(t.Context(), nil, func() func(int64) []byte { t.Error("built"); return nil }, nil))
	}
}

// TestStoredIsBounded: what is there without -stored is not more than 256 MB, and never nothing.
func TestStoredIsBounded(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{100: readable, 1 << 20: 255, 64 << 20: 3} {
		e := &Env{options: &options{payloads: &payloads{size: size}}}
		require.Equal(t, want, e.storedOr(readable))
		e.stored = 20_000
		require.Equal(t, 20_000, e.storedOr(readable), "who asks for them gets them")
	}
}
