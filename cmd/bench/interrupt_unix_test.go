//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestInterruptFromTerminal: the whole group gets the signal. Calls under way still come back through the forwarder of -rtt,
// so that the run has its figures.
func TestInterruptFromTerminal(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			p := startProgram(t, "-redis", redistest.Shared(t).URL(), "-run=test/telling", "-system=thoonk", "-d=10s", "-callers=4", "-rtt=20ms", "-json=-")
			p.awaitMeasuring(t)
			require.NoError(t, syscall.Kill(-p.cmd.Process.Pid, signal))
			rest, err := io.ReadAll(p.said)
			require.NoError(t, err)
			checkInterrupted(t, p.cmd, &p.stdout, rest)
			require.NotContains(t, string(rest), "FAILED")
		})
	}
}

// TestNothingStaysBehind: whatever the run does, the second signal ends the program, the forwarder of -rtt with it, and
// nothing of either is left. A program that is killed cannot remove its directory, but its forwarder is gone, too.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T) *program {
		t.Parallel()
		p := startProgram(t, "-run=test/stubborn", "-rtt=10ms")
		p.awaitMeasuring(t)
		sockets, err := filepath.Glob(p.temporary + "/*/*/far.sock")
		require.NoError(t, err)
		if !redistest.Shared(t).Embedded() { // which has no socket of that kind
			require.NotEmpty(t, sockets, "this test looks for them in the wrong place")
		}
		return p
	}
	// The forwarder has the same standard error: that ends when both have.
	ends := func(t *testing.T, p *program, wantCode int) {
		_, err := io.ReadAll(p.said)
		require.NoError(t, err)
		var exit *exec.ExitError
		require.ErrorAs(t, p.cmd.Wait(), &exit)
		require.Equal(t, wantCode, exit.ExitCode())
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run("second "+signal.String(), func(t *testing.T) {
			p := run(t)
			require.NoError(t, p.cmd.Process.Signal(signal))
			p.awaitMeasuring(t)
			require.NoError(t, p.cmd.Process.Signal(signal))
			ends(t, p, exitInterrupted)
			left, err := os.ReadDir(p.temporary)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	t.Run("killed", func(t *testing.T) {
		p := run(t)
		require.NoError(t, p.cmd.Process.Kill())
		ends(t, p, -1)
		sockets, err := filepath.Glob(p.temporary + "/*/*/far.sock")
		require.NoError(t, err)
		require.Empty(t, sockets)
	})
}

// A program is the load tester in a process and a group of its own.
type program struct {
	cmd       *exec.Cmd
	stdout    bytes.Buffer
	said      *bufio.Reader // its standard error
	temporary string        // where its directories are
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	temporary, err := os.MkdirTemp("", "b") // t.TempDir has the test's name in it, which is too long for sockets
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(temporary) })
	p := &program{cmd: exec.Command(os.Args[0], args...), temporary: temporary}
	p.cmd.Env = append(os.Environ(), mainEnv+"=1", "TMPDIR="+temporary)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stdout = &p.stdout
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	p.said = bufio.NewReader(stderr)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// awaitMeasuring waits until it says so.
func (p *program) awaitMeasuring(t *testing.T) {
	t.Helper()
	for line := ""; line != measuring+"\n"; {
		var err error
		line, err = p.said.ReadString('\n')
		require.NoError(t, err)
	}
}
