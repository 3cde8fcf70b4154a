//go:build chaosclock

package load

import "time"

// time.Jump is there when the standard library is compiled with package chaos' changes.
func init() { setClock = time.Jump.Store }
