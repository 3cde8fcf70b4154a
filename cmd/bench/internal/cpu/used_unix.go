//go:build unix

package cpu

import (
	"syscall"
	"time"
)

// Known is whether Used can tell.
const Known = true

// Used is the processor time of all threads of this process, user and system.
func Used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
