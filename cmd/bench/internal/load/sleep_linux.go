package load

import (
	"syscall"
	"time"
)

// Sleep waits for d, some 60 µs longer at most. time.Sleep may take a millisecond more when the process is idle, which
// would be counted as latency.
func Sleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // a signal ends it early: the caller looks at the clock
}
