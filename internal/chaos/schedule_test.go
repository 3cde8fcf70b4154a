//go:build linux

package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A seed decides everything about a schedule, and every kind gets its turns.
func TestSchedule(t *testing.T) {
	t.Parallel()
	kinds := []Kind{{Name: "a", Weight: 1, Longest: time.Second}, {Name: "b", Weight: 3}, {Name: "c", Weight: 2, Longest: time.Millisecond}}
	const n = 600
	list := func(seed uint64) (faults []Fault) {
		s := newSchedule(seed, kinds, 100)
		for range n {
			faults = append(faults, s.next())
		}
		return faults
	}
	require.Equal(t, list(7), list(7))
	require.NotEqual(t, list(7), list(8))
	times, operations := map[int]int{}, int64(0)
	for _, f := range list(7) {
		times[f.Kind]++
		operations += f.After
		require.LessOrEqual(t, f.For, kinds[f.Kind].Longest)
		require.Equal(t, kinds[f.Kind].Longest > 0, f.For > 0)
	}
	require.Equal(t, map[int]int{0: n / 6, 1: n / 2, 2: n / 3}, times)
	require.InDelta(t, 100, operations/n, 10)
}
