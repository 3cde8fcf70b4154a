// Package embedded is an in-process Redis for trying the engine out and for tests of programs that use it.
package embedded

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Server is a Redis inside this process. Its methods may be called from several goroutines.
type Server struct {
	redis *miniredis.Miniredis
	url   string

	once sync.Once
	quit chan struct{}
	done chan struct{}
}

// Start starts a server on a free port of 127.0.0.1. Close it when done.
func Start() (*Server, error) {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	s := &Server{redis: m, url: "redis://" + m.Addr(), quit: make(chan struct{}), done: make(chan struct{})}
	go s.clock()
	return s, nil
}

// URL is where clients connect: redis://127.0.0.1:port.
func (s *Server) URL() string { return s.url }

// Close ends the server and its connections; all data is gone. Safe to call twice. It always returns nil.
func (s *Server) Close() error {
	s.once.Do(func() {
		close(s.quit)
		<-s.done
		s.redis.Close()
	})
	return nil
}

const (
	// tick is how far the server's idea of passed time may be off: a key can expire that much early or late.
	tick = 20 * time.Millisecond

	// share bounds the part of one core that the clock takes: moving it walks over all keys.
	share = 20
)

// clock moves the time to live of all keys along with real time, until Close. The server does not do it by itself, and
// its other way, expiring at every access, walks over all keys at every command.
func (s *Server) clock() {
	defer close(s.done)
	last := time.Now()
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-timer.C:
		}
		now := time.Now()
		s.redis.FastForward(now.Sub(last))
		last = now
		timer.Reset(max(tick, share*time.Since(now)))
	}
}
