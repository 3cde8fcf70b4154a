package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPauses: their mean is 5 ms, or 1/-rate, whatever the rate is: results say so.
func TestPauses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]time.Duration{
		"-d 1s":            5 * time.Millisecond,
		"-d 1s -rate 10":   100 * time.Millisecond,
		"-d 1s -rate 5000": 200 * time.Microsecond,
	} {
		o, err := parse(strings.Fields(args))
		require.NoError(t, err)
		e := &Env{options: o}
		random, sum := rand.New(rand.NewPCG(1, 2)), time.Duration(0)
		const n = 100_000
		for range n {
			p := pause(random, e.meanPause())
			require.GreaterOrEqual(t, p.Seconds(), e.pauses()[1])
			require.LessOrEqual(t, p.Seconds(), e.pauses()[2])
			sum += p
		}
		require.InEpsilon(t, want, sum/n, 0.02, args)
		require.InEpsilon(t, 1/want.Seconds(), *e.pauseRate(), 0.001, args)
	}
}
