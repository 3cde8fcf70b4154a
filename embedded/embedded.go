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

// Start starts an empty server on a free port of 127.0.0.1. Close it when done.
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

// Close ends the server and all connections to it, blocked ones included; the data is gone. It returns when nothing of
// the server is left, and always nil. Safe to call twice.
func (s *Server) Close() error {
	s.once.Do(func() {
		close(s.quit)
		<-s.done
		s.redis.Close()
	})
	return nil
}

const (
	// tick is how often time moves on for keys that expire.
	tick = 20 * time.Millisecond

	// share bounds what that costs to one part in so many of a core: each tick walks over all keys.
	share = 20
)

// clock moves the time to live of all keys along with real time, until Close. The server does not do it by itself; its
// other way, looking for expired keys at every access, walks over all keys at every command.
func (s *Server) clock() {
	defer close(s.done)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for last := time.Now(); ; {
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
