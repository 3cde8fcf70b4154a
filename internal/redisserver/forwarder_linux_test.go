package redisserver

import (
	"bufio"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// end is one end of a connection.
type end struct {
	net.Conn
	r *bufio.Reader
}

func newEnd(t *testing.T, conn net.Conn, err error) end {
	t.Helper()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return end{conn, bufio.NewReader(conn)}
}

func (e end) says(t *testing.T, line string) {
	t.Helper()
	_, err := e.Write([]byte(line + "\n"))
	require.NoError(t, err)
}

func (e end) hears(t *testing.T, line string) {
	t.Helper()
	got, err := e.r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, line+"\n", got)
}

// silent checks that nothing comes, not even an end.
func (e end) silent(t *testing.T) {
	t.Helper()
	require.NoError(t, e.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := e.r.ReadByte()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, e.SetReadDeadline(time.Now().Add(10*time.Second)))
}

// TestForwarderHolds: between two who are kept apart nothing arrives, neither what is sent nor that one has closed; it does
// afterwards. A connection that was made meanwhile has never been. Others notice nothing.
func TestForwarderHolds(t *testing.T) {
	t.Parallel()
	node, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer node.Close()
	f, err := forward(false, bySource)
	require.NoError(t, err)
	defer f.close()
	f.to(node.Addr().String())
	dial := func(from string) end {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.Dial("tcp", hostPort(f.port()))
		return newEnd(t, conn, err)
	}
	accept := func() end {
		conn, err := node.Accept()
		return newEnd(t, conn, err)
	}
	both := func(from string) (end, end) {
		a, b := dial(from), accept()
		a.says(t, "hello")
		b.hears(t, "hello")
		return a, b
	}
	const apart = "127.9.9.9"
	client, atClient := both("127.0.0.1")
	peer, atPeer := both(apart)
	gone, atGone := both(apart)

	f.allow(func(sender string) bool { return sender != apart })
	peer.says(t, "up")
	atPeer.says(t, "down")
	require.NoError(t, gone.Close())
	late := dial(apart)
	late.says(t, "never")
	client.says(t, "up")
	atClient.hears(t, "up")
	peer.silent(t)
	atPeer.silent(t)
	atGone.silent(t)
	late.silent(t)

	f.allow(func(string) bool { return true })
	atPeer.hears(t, "up")
	peer.hears(t, "down")
	_, err = atGone.r.ReadByte()
	require.Error(t, err)
	_, err = late.r.ReadByte()
	require.Error(t, err)
	again, atAgain := both(apart) // it is the next that the node accepts
	atAgain.says(t, "welcome")
	again.hears(t, "welcome")
}
