//go:build unix

package redisserver

import (
	"os"
	"syscall"
)

func stopSignal(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func contSignal(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
