package redisserver

import (
	"context"

	"github.com/mediocregopher/radix/v4"
)

// Do runs one command on the server, over a connection of its own, and stores the reply in rcv unless that is nil.
func (s *Server) Do(ctx context.Context, rcv any, cmd string, args ...string) error {
	conn, err := radix.Dialer{AuthPass: s.opts.Password}.Dial(ctx, "unix", s.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Do(ctx, radix.Cmd(rcv, cmd, args...))
}

// HostPort is where the server listens on TCP.
func (s *Server) HostPort() string { return hostPort(s.port) }
