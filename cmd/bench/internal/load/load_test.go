package load

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	pause = time.Sleep
	goleak.VerifyTestMain(m)
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, callers atomic.Int64
		s, err := Closed(t.Context(), 3, time.Second, func(_ context.Context, caller, n int) error {
			if n == 0 {
				callers.Add(int64(caller))
			}
			calls.Add(1)
			time.Sleep(10 * time.Millisecond)
			return nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 300, s.Calls)
		require.EqualValues(t, 300, calls.Load())
		require.EqualValues(t, 0+1+2, callers.Load())
		require.Equal(t, time.Second, s.Elapsed)
		require.EqualValues(t, 300, s.Latency.TotalCount())
		require.InEpsilon(t, 10*time.Millisecond, s.Latency.ValueAtPercentile(50), 0.001)
	})
}

func TestClosedWaitsForTheLastCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Closed(t.Context(), 1, time.Second, func(context.Context, int, int) error {
			time.Sleep(700 * time.Millisecond)
			return nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 2, s.Calls)
		require.Equal(t, 1400*time.Millisecond, s.Elapsed)
	})
}

func TestFirstErrorEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		start := time.Now()
		s, err := Closed(t.Context(), 4, time.Hour, func(_ context.Context, caller, n int) error {
			time.Sleep(time.Second)
			if caller == 2 && n == 1 {
				return broken
			}
			return nil
		})
		require.ErrorIs(t, err, broken)
		require.LessOrEqual(t, time.Since(start), 3*time.Second)
		require.GreaterOrEqual(t, s.Calls, int64(4))
	})
}

func TestDoneEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left atomic.Int64
		left.Store(10)
		start := time.Now()
		s, err := Closed(t.Context(), 3, time.Hour, func(context.Context, int, int) error {
			if left.Add(-1) < 0 {
				return ErrDone
			}
			time.Sleep(time.Second)
			return nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 10, s.Calls)
		require.Equal(t, 4*time.Second, time.Since(start))
	})
}

// TestInterruptLetsCallsEnd: calls under way may end, and those that do not are cut after Grace.
func TestInterruptLetsCallsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, cancel)
		s, err := Closed(ctx, 2, time.Hour, func(ctx context.Context, caller, n int) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
				return nil
			}
		})
		require.NoError(t, err)
		require.EqualValues(t, 4, s.Calls)
		require.Equal(t, 2*time.Second, s.Elapsed)

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err = Closed(ctx, 2, time.Hour, func(ctx context.Context, _, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second+Grace, time.Since(start))
	})
}

func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), 8, 500, 200*time.Millisecond, func(context.Context, int, int) error { return nil })
		require.NoError(t, err)
		require.EqualValues(t, 100, s.Calls)
		require.Zero(t, s.Late)
		require.EqualValues(t, 100, s.Latency.TotalCount())
		require.Equal(t, 198*time.Millisecond, s.Elapsed, "the last one was due then")
	})
}

// TestOpenTimesFromWhenDue: one slow call delays those behind it, and their latency shows it.
func TestOpenTimesFromWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), 1, 100, 200*time.Millisecond, func(_ context.Context, _, n int) error {
			if n == 0 {
				time.Sleep(100 * time.Millisecond) // what a slow call is
			}
			return nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 20, s.Calls)
		require.Zero(t, s.Late)
		slow := int64(0)
		for _, bar := range s.Latency.Distribution() {
			if bar.From >= int64(35*time.Millisecond) {
				slow += bar.Count
			}
		}
		require.EqualValues(t, 7, slow, "due at 0, 10, 20, 30, 40, 50, 60 ms and answered at 100 ms")
	})
}

func TestOpenCountsWhatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), 1, 1000, 100*time.Millisecond, func(context.Context, int, int) error {
			time.Sleep(20 * time.Millisecond) // what a slow call is
			return nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 100, s.Calls+s.Late)
		require.InDelta(t, 6, s.Calls, 1, "five, and what waited for a caller")
	})
}

// TestOpenIsNotLateItself: the loop's own pauses may be too long; the callers were free.
func TestOpenIsNotLateItself(t *testing.T) {
	defer func(before func(time.Duration)) { pause = before }(pause)
	pause = func(d time.Duration) { time.Sleep(d + 3*time.Millisecond) }
	for range 50 { // what a select takes is random
		synctest.Test(t, func(t *testing.T) {
			s, err := Open(t.Context(), 8, 1000, 100*time.Millisecond, func(context.Context, int, int) error { return nil })
			require.NoError(t, err)
			require.Zero(t, s.Late)
			require.EqualValues(t, 100, s.Calls)
		})
	}
}

func TestOpenEndsWithItsContextOrAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(55*time.Millisecond, cancel)
		s, err := Open(ctx, 2, 100, time.Hour, func(context.Context, int, int) error { return nil })
		require.NoError(t, err)
		require.EqualValues(t, 6, s.Calls)
		require.LessOrEqual(t, s.Elapsed, 105*time.Millisecond, "it looks every 50 ms")

		broken := errors.New("broken")
		_, err = Open(t.Context(), 2, 100, time.Hour, func(context.Context, int, int) error { return broken })
		require.ErrorIs(t, err, broken)
	})
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	r := NewRecorder()
	b := r.Buffer()
	for range 300 {
		b.Record(time.Millisecond)
	}
	b.Record(time.Hour)
	b.Flush()
	require.EqualValues(t, 301, r.Histogram().TotalCount())
	require.InEpsilon(t, time.Minute, r.Histogram().Max(), 0.001)
}

func BenchmarkClosed(b *testing.B) {
	b.ReportAllocs()
	left := atomic.Int64{}
	left.Store(int64(b.N))
	done := errors.New("done")
	_, _ = Closed(b.Context(), 1, time.Hour, func(context.Context, int, int) error {
		if left.Add(-1) < 0 {
			return done
		}
		return nil
	})
}
