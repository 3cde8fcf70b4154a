//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestInterruptFromTerminal: the whole group gets the signal, the forwarder of -rtt too. Calls under way still come back
// through it, so that the run has its figures.
func TestInterruptFromTerminal(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-redis", redistest.Shared(t).URL(), "-run=test/telling", "-system=thoonk", "-d=10s", "-callers=4", "-rtt=20ms", "-json=-")
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }()

	said := bufio.NewReader(stderr)
	for line := ""; line != measuring+"\n"; {
		line, err = said.ReadString('\n')
		require.NoError(t, err)
	}
	require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
	rest, err := io.ReadAll(said)
	require.NoError(t, err)
	checkInterrupted(t, cmd, &stdout, rest)
	require.NotContains(t, string(rest), "FAILED")
}
