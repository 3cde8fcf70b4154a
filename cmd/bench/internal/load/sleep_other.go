//go:build !linux

package load

import "time"

// Sleep waits for d. Where it takes longer, the latencies of an open loop are too high by that.
func Sleep(d time.Duration) { time.Sleep(d) }
