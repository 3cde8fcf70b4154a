package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that the first signal ends. The second one ends the program at once, after clean.
func interruptible(clean func()) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		clean()
		os.Exit(exitInterrupted)
	}()
	return ctx
}

// ownTemporary makes a directory in which everything temporary is from now on, of other processes too: removing it leaves
// nothing, wherever the program was. Where there is none, the system's is used as before, and what is made there is removed
// one by one.
func ownTemporary() (remove func()) {
	dir, err := shortTemporary()
	if err != nil || os.Setenv("TMPDIR", dir) != nil {
		return func() {}
	}
	return func() {
		for range 10 { // a server may still write into it
			if os.RemoveAll(dir) == nil {
				return
			}
		}
	}
}

// shortTemporary makes a directory whose path leaves room for that of a socket (redisserver.SocketDir).
func shortTemporary() (string, error) {
	const longest = 60
	dir, err := os.MkdirTemp("", "bench")
	if err != nil || len(dir) <= longest {
		return dir, err
	}
	if err := os.Remove(dir); err != nil {
		return "", err
	}
	return os.MkdirTemp("/tmp", "bench")
}
