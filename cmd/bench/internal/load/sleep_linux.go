package load

import (
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Punctual keeps the goroutine on its thread, whose sleeps are too long by some 20 µs from now on, not 70.
func Punctual() {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // ns; without it sleeps only end later
}

// Sleep waits for d, some 60 µs longer at most. time.Sleep may take a millisecond more when the process is idle, which
// would be counted as latency.
func Sleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // a signal ends it early: the caller looks at the clock
}
