package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestJobCeilingWaits: with four calls in flight the answer to a claim is there before the call that finishes it is sent.
func TestJobCeilingWaits(t *testing.T) {
	t.Parallel()
	var c jobCeiling
	claimedBy := make(map[int64]int64)
	var claims, finishes int64
	for i := range int64(1000) {
		claimed, finished := c.done(i)
		require.Equal(t, []int64{claims, finishes}, []int64{claimed, finished}, "after %d calls", i)
		n, isFinish := c.which(i)
		if !isFinish {
			require.Equal(t, claims, n)
			claimedBy[n] = i
			claims++
			continue
		}
		require.Equal(t, finishes, n)
		require.Contains(t, claimedBy, n)
		require.GreaterOrEqual(t, i-claimedBy[n], int64(4))
		finishes++
	}
}
