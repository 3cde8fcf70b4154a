//go:build !unix

package ledger

import "time"

// Now is the time of day in nanoseconds, where no clock is known that all processes share and that never jumps.
func Now() int64 { return time.Now().UnixNano() }
