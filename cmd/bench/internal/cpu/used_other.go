//go:build !unix

package cpu

import "time"

// Known is whether Used can tell.
const Known = false

// Used is 0.
func Used() time.Duration { return 0 }
