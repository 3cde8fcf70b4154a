//go:build !unix

package redisserver

import (
	"errors"
	"os"
	"syscall"
)

func procAttr() *syscall.SysProcAttr { return nil }

func stopSignal(*os.Process) error { return errors.ErrUnsupported }

func contSignal(*os.Process) error { return errors.ErrUnsupported }
