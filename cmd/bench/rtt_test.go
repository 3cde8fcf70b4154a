package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestPrivateKnowsNoDistance: what has a server of its own is not behind the forwarder, and its result must not say so.
func TestPrivateKnowsNoDistance(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-rtt=5ms", "-d=20ms"})
	require.NoError(t, err)
	srv, err := openServer(t.Context(), "auto", redistest.Shared(t).URL())
	require.NoError(t, err)
	defer srv.stop()
	for _, private := range []bool{true, false} {
		system := func(ctx context.Context, e *Env) (Result, error) {
			return e.Measure(ctx, 1, func(context.Context, int, int) error { return nil })
		}
		e := &Env{
			options: o, srv: srv, far: distance{url: srv.url, endpoint: srv.endpoint}, where: Result{System: report.Thoonk},
			scenario: &Scenario{Private: private, Systems: map[string]System{report.Thoonk: system}},
		}
		r, err := e.run(t.Context())
		require.NoError(t, err)
		if private {
			require.NotContains(t, r.Extra, "rtt_us")
		} else {
			require.Greater(t, r.Extra["rtt_us"], 4000.0)
		}
		require.NoError(t, e.clean())
	}
}

// TestRoundTripEndsWithItsContext: whoever interrupts it does not wait for an answer that may be far away, to its first
// command as little as to a PING.
func TestRoundTripEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]direct.Endpoint{"PING": {}, "AUTH": {Password: "secret"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer silent.Close()
			to.Network, to.Addr = "tcp", silent.Addr().String()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			enough := errors.New("enough")
			go func() {
				conn, err := silent.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = bufio.NewReader(conn).ReadString('\n') // it waits for the answer now, or will in a moment
				cancel(enough)
				<-t.Context().Done()
			}()
			ended := make(chan error, 1)
			go func() {
				_, err := roundTrip(ctx, to)
				ended <- err
			}()
			select {
			case err := <-ended:
				require.ErrorIs(t, err, enough)
			case <-time.After(30 * time.Second): // half of what an answer may take
				t.Fatal("it waits for the answer")
			}
		})
	}
}
