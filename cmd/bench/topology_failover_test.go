package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGapOfWhoDoesNotComeBack: a queue that takes nothing any more has no success that would end its gap.
func TestGapOfWhoDoesNotComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &failoverLedger{ledger: ledger{errors: make(map[string]int64)}}
		items, err := makePayloads(10, "")
		require.NoError(t, err)
		e := &Env{options: &options{payloads: items}}
		begun := time.Now()
		end := l.write(e, func(_ context.Context, _, q int, _ []byte) (string, error) {
			if q == 3 && time.Since(begun) > time.Second {
				return "", errors.New("gone")
			}
			return "id", nil
		})
		time.Sleep(20 * time.Second)
		end()
		require.InDelta(t, 19, l.gap.Seconds(), 0.1)
	})
}

// TestStruckIsBroughtBack: a primary that is stopped goes on when the run is interrupted, or nobody takes over: calls may wait
// for it as long as it is stopped.
func TestStruckIsBroughtBack(t *testing.T) {
	t.Parallel()
	for name, interrupted := range map[string]bool{"interrupted": true, "nobody takes over": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			back := false
			f := &failing{
				down: func(ctx context.Context) error {
					if interrupted {
						cancel()
						<-ctx.Done()
						return ctx.Err()
					}
					return errors.New("nobody")
				},
				up: func(ctx context.Context) error { back = true; return ctx.Err() },
			}
			require.Error(t, new(failoverLedger).strike(ctx, f, 0))
			require.True(t, back)
		})
	}
}
