//go:build unix && !linux

package redisserver

import "syscall"

// procAttr puts the server in its own process group. There is no parent-death signal here: a server stays if we crash.
func procAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
