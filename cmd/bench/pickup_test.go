package main

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
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

// TestPausesEndWithTheirContext: at a low rate they are long.
func TestPausesEndWithTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, err := parse([]string{"-rate=0.01", "-d=10s"})
		require.NoError(t, err)
		e := &Env{options: o, srv: &server{kind: kindEmbedded}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun, items := time.Now(), make(chan []byte, 1)
		r, err := pickUp(ctx, e, func(_ context.Context, body []byte) error { items <- body; return nil },
			func(ctx context.Context) ([]byte, error) {
				select {
				case body := <-items:
					return body, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			})
		require.NoError(t, err)
		require.True(t, r.Interrupted)
		require.Equal(t, time.Second, time.Since(begun))
	})
}
