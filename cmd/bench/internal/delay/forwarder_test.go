package delay

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo answers everything with itself.
func echo(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l
}

func start(t *testing.T, rtt time.Duration) (*Forwarder, net.Conn) {
	target := echo(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := Start(l, rtt, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", target.Addr().String())
	})
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return f, c
}

func TestEveryRoundTripIsLonger(t *testing.T) {
	t.Parallel()
	const rtt = 5 * time.Millisecond
	f, c := start(t, rtt)
	buf := make([]byte, 1)
	for range 20 {
		begin := time.Now()
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		_, err = c.Read(buf)
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(begin), rtt)
	}
	require.NoError(t, f.Close())
	_, err := c.Read(buf)
	require.Error(t, err, "Close ends the connections")
}

// TestThroughputIsNotLimited: a sleep for each chunk would take minutes.
func TestThroughputIsNotLimited(t *testing.T) {
	t.Parallel()
	f, c := start(t, 50*time.Millisecond)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	failed := make(chan error, 1)
	begin := time.Now()
	go func() {
		var err error
		for from := 0; from < len(sent) && err == nil; from += 1 << 10 {
			_, err = c.Write(sent[from : from+1<<10])
		}
		failed <- err
	}()
	got := make([]byte, len(sent))
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.NoError(t, <-failed)
	require.True(t, bytes.Equal(sent, got))
	require.Less(t, time.Since(begin), 10*time.Second)
	require.NoError(t, c.Close())
	require.NoError(t, f.Close())
}

// TestCloseDoesNotWait: what is held back is dropped, however long it would have been held.
func TestCloseDoesNotWait(t *testing.T) {
	t.Parallel()
	f, c := start(t, time.Hour)
	late, ended := make(chan chunk), make(chan struct{})
	go func() {
		defer close(ended)
		f.deliver(c, late)
	}()
	late <- chunk{time.Now().Add(time.Hour), []byte("x")} // deliver has it when this returns
	closed := make(chan error, 1)
	go func() { closed <- f.Close() }()
	go func() {
		late <- chunk{time.Now().Add(time.Hour), []byte("y")}
		close(late)
	}()
	for range 2 {
		select {
		case err := <-closed:
			require.NoError(t, err)
			closed = nil
		case <-ended:
			ended = nil
		case <-time.After(30 * time.Second):
			t.Fatal("it waits for what is held back")
		}
	}
}
