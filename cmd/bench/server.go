package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/internal/redisserver"
)

// Kinds of servers.
const (
	kindRedis    = "redis"
	kindEmbedded = "embedded"
	kindURL      = "url"
)

// A server is the Redis that everything runs on.
type server struct {
	kind, url string
	endpoint  direct.Endpoint
	says      string // what it is, for people
	version   string
	info      *direct.Conn // for the server's own figures

	stops []func() error
}

// openServer connects to the URL, or starts a server: a private one, or the embedded one.
func openServer(ctx context.Context, want, url string) (*server, error) {
	s := &server{kind: kindURL, url: url}
	if url == "" {
		if err := s.start(ctx, want); err != nil {
			return nil, err
		}
	}
	if err := s.connect(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("cannot use the %s server: %w", s.kind, err)
	}
	return s, nil
}

func (s *server) start(ctx context.Context, want string) error {
	if want != kindEmbedded {
		srv, err := redisserver.Start(ctx, redisserver.Options{})
		if err == nil {
			s.kind, s.url = kindRedis, srv.URL()
			s.says = fmt.Sprintf("a private redis-server %s, on a unix socket, without persistence", srv.Version())
			s.stops = append(s.stops, srv.Stop)
			return nil
		}
		if want == kindRedis || !errors.Is(err, redisserver.ErrNotFound) {
			return err
		}
	}
	emb, err := embedded.Start()
	if err != nil {
		return err
	}
	s.kind, s.url = kindEmbedded, emb.URL()
	s.says = "the embedded server: much slower than Redis, and in our own process; put redis-server on PATH for real figures"
	if want == kindEmbedded {
		s.says = "the embedded server: much slower than Redis, and in our own process"
	}
	s.stops = append(s.stops, emb.Close)
	return nil
}

func (s *server) connect(ctx context.Context) (err error) {
	if s.endpoint, err = direct.Parse(s.url); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if s.info, err = s.endpoint.Dial(ctx); err != nil {
		return err
	}
	s.stops = append(s.stops, s.info.Close)
	if s.version = s.figure("server", "redis_version"); s.version == "" {
		s.version = "unknown" // the embedded server has none
	}
	if s.says == "" {
		s.says = fmt.Sprintf("the server at %s %s, version %s", s.endpoint.Network, s.endpoint.Addr, s.version)
	}
	return nil
}

func dialer(at direct.Endpoint) radix.Dialer {
	return radix.Dialer{AuthUser: at.User, AuthPass: at.Password, SelectDB: at.DB, NetDialer: at}
}

// stop ends everything that start and connect began.
func (s *server) stop() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		_ = s.stops[i]() // we are leaving; the process is gone in any case
	}
	s.stops = nil
}

// figure reads one line of INFO; empty if the server does not have it.
func (s *server) figure(section, name string) string {
	text, err := s.info.Do("INFO", section)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
