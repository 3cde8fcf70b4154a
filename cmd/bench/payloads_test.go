package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPayloadsAreBounded: of large items there are fewer, so that all together stay small. Series have as many of each size.
func TestPayloadsAreBounded(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{1: variety, 1 << 20: variety, 5 << 20: 12, varietyBytes/2 + 1: 1} {
		p, err := makePayloads(size, "")
		require.NoError(t, err)
		require.Len(t, p.items, want)
		for i := range p.items {
			require.Len(t, p.items[i], size)
		}
		require.LessOrEqual(t, len(p.items)*size, varietyBytes)
	}
}

// TestPayloadsAreShared by all points of series: a large file is there once. Who measures nothing has none.
func TestPayloadsAreShared(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lines")
	require.NoError(t, os.WriteFile(file, []byte("a\nb\n"), 0o600))
	for args, want := range map[string]int{
		"-repeat 2 -input " + file:             1,
		"-series callers,names -input " + file: 1,
		"-series callers,size":                 6, // one of them has the size that others have by default
		"-series all -list":                    0,
		"-list -size 67108864":                 0,
		"-list -report":                        0,
	} {
		o, err := parse(strings.Fields(args))
		require.NoError(t, err)
		different := make(map[*payloads]bool)
		for _, s := range o.steps() {
			if s.opts.payloads != nil {
				different[s.opts.payloads] = true
			}
		}
		require.Len(t, different, want, args)
	}
}
