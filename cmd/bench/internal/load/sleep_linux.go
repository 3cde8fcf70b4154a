package load

import (
	"syscall"
	"time"
)

// sleep waits for d, some 60 µs longer at most. time.Sleep may take a millisecond more when the process is idle, which
// would be counted as latency.
func sleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // a signal ends it early: the caller looks at the clock
}
