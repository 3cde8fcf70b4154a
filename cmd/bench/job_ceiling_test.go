package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestJobCeilingWaits: with as many calls in flight as it is ahead the answer to a claim is there before the call that finishes it is sent.
func TestJobCeilingWaits(t *testing.T) {
	t.Parallel()
	for _, ahead := range []int64{4, 14} {
		jobCeilingWaits(t, ahead)
	}
}

func jobCeilingWaits(t *testing.T, ahead int64) {
	c := jobCeiling{ahead: ahead}
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
		require.GreaterOrEqual(t, i-claimedBy[n], ahead)
		finishes++
	}
}
