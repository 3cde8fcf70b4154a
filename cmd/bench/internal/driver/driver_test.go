package driver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// driverEnv makes the test binary be a driver.
const driverEnv = "THOONK_TEST_DRIVER"

func TestMain(m *testing.M) {
	if os.Getenv(driverEnv) != "" {
		if err := Serve(context.Background(), os.Stdin, os.Stdout, open); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func open(_ context.Context, s Setup) (Hello, Handler, error) {
	if s.Queue == "" {
		return Hello{}, nil, errors.New("no queue")
	}
	return Hello{Version: "1." + s.Queue, Runtime: "test"}, func(_ context.Context, r Request) (Reply, error) {
		switch r.Do {
		case Put:
			for start := time.Now(); time.Since(start) < Seconds(r.Seconds); { // busy, for the processor time
			}
			return Reply{Ops: int64(r.PerCall), Seconds: r.Seconds}, nil
		case Run:
			fmt.Fprintln(os.Stderr, "it breaks")
			os.Exit(4)
		case End:
			select {}
		}
		return Reply{}, fmt.Errorf("what is %q", r.Do)
	}, nil
}

func start(t *testing.T, ctx context.Context, s Setup) (*Process, error) {
	t.Setenv(driverEnv, "1")
	return Start(ctx, s, os.Args[0])
}

func TestAsk(t *testing.T) {
	p, err := start(t, t.Context(), Setup{Queue: "q"})
	require.NoError(t, err)
	require.Equal(t, Hello{Version: "1.q", Runtime: "test"}, p.Hello)
	for n := range 3 {
		r, err := p.Ask(t.Context(), Request{Do: Put, PerCall: n, Seconds: 0.05})
		require.NoError(t, err)
		require.EqualValues(t, n, r.Ops)
		require.InDelta(t, 0.05, r.Seconds, 0)
		require.Positive(t, r.CPU)
	}
	_, err = p.Ask(t.Context(), Request{Do: "dance"})
	require.EqualError(t, err, `dance: what is "dance"`)
	_, err = p.Ask(t.Context(), Request{Do: Put, PerCall: 1})
	require.NoError(t, err, "it goes on after an error")
	require.NoError(t, p.Close())
}

// TestDriverBreaks: what it said last is in the error.
func TestDriverBreaks(t *testing.T) {
	p, err := start(t, t.Context(), Setup{Queue: "q"})
	require.NoError(t, err)
	_, err = p.Ask(t.Context(), Request{Do: Run})
	require.ErrorContains(t, err, "the driver is gone")
	require.ErrorContains(t, p.Close(), "it said: it breaks")
}

func TestDriverCannotBegin(t *testing.T) {
	_, err := start(t, t.Context(), Setup{})
	require.ErrorContains(t, err, "no queue")
	_, err = Start(t.Context(), Setup{}, t.TempDir()+"/nothing")
	require.Error(t, err)
}

// TestInterrupt: a driver that does not answer ends with the context.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := start(t, ctx, Setup{Queue: "q"})
	require.NoError(t, err)
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = p.Ask(ctx, Request{Do: End})
	require.ErrorIs(t, err, context.Canceled)
	require.Error(t, p.Close(), "it was killed")
}

func TestTail(t *testing.T) {
	var s tail
	for range 1000 {
		_, _ = s.Write([]byte("0123456789"))
	}
	_, _ = s.Write([]byte("the end\n"))
	require.Len(t, s.text, tailSize)
	require.Contains(t, s.said(), "789the end")
}
