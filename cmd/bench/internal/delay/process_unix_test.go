//go:build unix

package delay

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if Child() {
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestProcessEndsAtOnce: whatever the delay, when it is let go of and when it is told to. It leaves no socket, for whoever
// spawned it may be gone by then.
func TestProcessEndsAtOnce(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Process) error{
		"let go of": func(p *Process) error { return p.stop.Close() },
		"SIGTERM":   func(p *Process) error { return p.cmd.Process.Signal(syscall.SIGTERM) },
	} {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(name+" on "+network, func(t *testing.T) {
				t.Parallel()
				server, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				defer server.Close()
				p, err := Spawn(network, "redis://"+server.Addr().String(), time.Hour)
				require.NoError(t, err)
				defer func() { _ = p.cmd.Process.Kill() }()
				client, err := net.Dial(network, p.Addr)
				require.NoError(t, err)
				defer client.Close()
				answer(t, server)

				require.NoError(t, end(p))
				ended := make(chan error, 1)
				go func() { ended <- p.cmd.Wait() }()
				select {
				case err := <-ended:
					require.NoError(t, err)
				case <-time.After(30 * time.Second):
					t.Fatal("it waits for what is held back")
				}
				if network == "unix" {
					require.NoDirExists(t, filepath.Dir(p.Addr))
				}
			})
		}
	}
}

// answer sends so much to one client that the forwarder has some of it.
func answer(t *testing.T, server net.Listener) {
	c, err := server.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = c.Write(make([]byte, 32<<20)) // more than the system keeps for a reader
	require.NoError(t, err)
}

// TestProcessHasItsOwnGroup: a signal to ours is for us alone.
func TestProcessHasItsOwnGroup(t *testing.T) {
	t.Parallel()
	p, err := Spawn("tcp", "redis://localhost", 0)
	require.NoError(t, err)
	group, err := syscall.Getpgid(p.cmd.Process.Pid)
	require.NoError(t, err)
	require.Equal(t, p.cmd.Process.Pid, group)
	require.NoError(t, p.Close())
}
