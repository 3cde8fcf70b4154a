//go:build linux

package chaos

import (
	"cmp"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A clock is the time of day of a process that was started with its environment.
type clock struct{ library, file string }

// newClock builds what shifts the time. Without a C compiler that fault is left out, loudly; with CI set the test fails.
func newClock(t testing.TB) *clock {
	t.Helper()
	dir := t.TempDir()
	c := &clock{library: filepath.Join(dir, "clock.so"), file: filepath.Join(dir, "shift")}
	out, err := exec.Command(cmp.Or(os.Getenv("CC"), "cc"), "-shared", "-fPIC", "-O1", "-o", c.library, "testdata/clock.c").CombinedOutput()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the server's clock needs a C compiler, and CI is set: %v\n%s", err, out)
		}
		t.Logf("LEFT OUT: jumps of the server's clock need a C compiler: %v\n%s", err, out)
		return nil
	}
	require.NoError(t, os.WriteFile(c.file, make([]byte, 8), 0o600))
	return c
}

func (c *clock) env() []string { return []string{"LD_PRELOAD=" + c.library, "CHAOS_CLOCK=" + c.file} }

// shift puts the clock that far from the true time. The file is written in place: processes have it mapped.
func (c *clock) shift(d time.Duration) error {
	f, err := os.OpenFile(c.file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(binary.NativeEndian.AppendUint64(nil, uint64(d)))
	return err
}
