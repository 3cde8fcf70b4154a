//go:build linux

package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The faults that are hardest to believe do happen: clocks that are somewhere else.
func TestServersClockJumps(t *testing.T) {
	t.Parallel()
	s := Standalone(t, 1).(*standalone)
	if s.clock == nil {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no C compiler")
		}
		t.Skip("SKIPPED: there is no C compiler")
	}
	away := func() time.Duration {
		reply, err := s.Do(t.Context(), "TIME")
		require.NoError(t, err)
		seconds, err := time.ParseDuration(texts(reply)[0] + "s")
		require.NoError(t, err)
		return time.Until(time.Unix(0, int64(seconds))).Round(10 * time.Second)
	}
	require.Zero(t, away())
	require.NoError(t, s.clock.shift(time.Hour))
	require.Equal(t, time.Hour, away())
	require.NoError(t, s.server.Restart(t.Context()))
	require.Equal(t, time.Hour, away())
	require.NoError(t, s.Heal(t.Context()))
	require.Zero(t, away())
}

func TestProcessesClockJumps(t *testing.T) {
	t.Parallel()
	const program = `package main
import ("fmt"; "time")
func main() {
	before := time.Now()
	time.Jump.Store(-3600)
	after := time.Now()
	fmt.Println(after.Unix() - before.Unix() < -3500, after.Sub(before) >= 0, time.Since(before) < time.Minute)
}`
	out, err := exec.Command(build(t, false, shiftedClock(t), source(t, program))).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "true true true\n", string(out))
}

// source writes a program to a file.
func source(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
