//go:build !unix

package delay

import "syscall"

func groupOfItsOwn() *syscall.SysProcAttr { return nil }
