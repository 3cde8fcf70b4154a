//go:build !linux

package load

import "time"

// sleep waits for d. Where it takes longer, the latencies of an open loop are too high by that.
func sleep(d time.Duration) { time.Sleep(d) }
