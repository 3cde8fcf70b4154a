package redisserver

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestServerEndsWithUs kills a process of ours that started a server: the server's socket stops answering.
func TestServerEndsWithUs(t *testing.T) {
	t.Parallel()
	need(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+t.TempDir())
	socket, err := cmd.Output()
	require.Error(t, err) // it was killed
	require.FileExists(t, string(socket))
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(string(socket))) })
	require.Eventually(t, func() bool {
		conn, err := net.Dial("unix", string(socket))
		if err != nil {
			return true
		}
		_ = conn.Close()
		return false
	}, 10*time.Second, 5*time.Millisecond)
}
