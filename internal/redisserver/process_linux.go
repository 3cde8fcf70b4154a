package redisserver

import "syscall"

// procAttr puts the server in its own process group and ends it when the thread that started it ends.
func procAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
