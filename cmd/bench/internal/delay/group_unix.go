//go:build unix

package delay

import "syscall"

// groupOfItsOwn keeps signals away that are for a whole group: from a terminal, or from timeout(1). The calls under way when
// one comes still need their way.
func groupOfItsOwn() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
