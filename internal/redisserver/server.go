package redisserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
)

// ErrNotFound is returned, wrapped, when there is no redis-server on PATH.
var ErrNotFound = errors.New("redisserver: no redis-server on PATH")

// Find returns the path of the redis-server on PATH, or ErrNotFound.
func Find() (path string, err error) {
	path, err = exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return path, nil
}

// Options say how to run a server. The zero value is a server on a unix socket that keeps nothing.
type Options struct {
	// Dir is where the server keeps its files. It must exist and stays after Stop.
	// Defaults to a new temporary directory, which Stop removes.
	Dir string

	// Port is the port of 127.0.0.1 to listen on beside the unix socket; -1 chooses a free one.
	// Defaults to 0: unix socket only.
	Port int

	// Persist makes the server write every command to disk before it answers, so that Kill followed by Restart
	// loses nothing that was acknowledged. Defaults to a server that starts empty after each Restart.
	Persist bool

	// Password that clients must send. Defaults to none.
	Password string

	// Env is added to the server's environment, as "NAME=value". Defaults to nothing.
	Env []string

	// TLS is a directory with cert.pem, its key.pem, and the ca.pem of who has issued it. With it the port speaks TLS, to clients and to
	// other servers. Defaults to none.
	TLS string

	// Args are appended to the command line, for example "--maxmemory", "10mb". They win over the options above.
	Args []string

	// LogTo receives the server's log. Defaults to nowhere; errors quote the end of the log in any case.
	LogTo io.Writer

	// sentinel is the path of a sentinel's configuration file; it makes the process a sentinel.
	sentinel string

	// own is an address that it listens on, and connects to others from. Defaults to 127.0.0.1, and what the system chooses.
	own string
}

// Server is one redis-server: the same socket, port and directory over any number of Kill and Restart.
// Its methods may be called from several goroutines.
type Server struct {
	path   string
	opts   Options
	dir    string // working directory of the server
	tmp    string // directory of our own, removed by Stop; holds the socket, and dir unless Options.Dir is set
	socket string
	port   int

	mu      sync.Mutex // held over each start and end of a process
	proc    *process   // the current or last process
	version string
	stopped bool
	paused  bool
	away    bool // cut off from the others
}

// Start runs a redis-server and returns once it answers PING. The context bounds the start only, not the server's life.
// Errors wrap ErrNotFound if there is nothing to run, and quote the server's log if it would not start.
func Start(ctx context.Context, opts Options) (*Server, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	s := &Server{path: path, opts: opts, dir: opts.Dir, port: opts.Port}
	if s.tmp, err = SocketDir(); err != nil {
		return nil, fmt.Errorf("redisserver: %w", err)
	}
	s.socket = filepath.Join(s.tmp, "redis.sock")
	if s.dir == "" {
		s.dir = s.tmp
	}

	// Another program may take a free port between our look and the server's bind.
	for try := 1; ; try++ {
		if opts.Port < 0 {
			if s.port, err = freePort(); err != nil {
				break
			}
		}
		if err = s.start(ctx); err == nil || opts.Port >= 0 || try == 3 || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		_ = os.RemoveAll(s.tmp)
		return nil, err
	}
	return s, nil
}

// start runs one process and waits until it answers. The caller holds mu or is alone.
func (s *Server) start(ctx context.Context) error {
	p, err := spawn(s.path, s.args(), s.opts.Env, s.dir, s.opts.LogTo)
	if err != nil {
		return fmt.Errorf("redisserver: %w", err)
	}
	version, err := ready(ctx, p, s.socket, s.opts.Password)
	if err != nil {
		p.kill()
		return fmt.Errorf("redisserver: %w; the end of its log:\n%s", err, p.log)
	}
	s.proc, s.version, s.paused = p, version, false
	return nil
}

func (s *Server) args() []string {
	if s.opts.sentinel != "" {
		return append(s.listenArgs(s.opts.sentinel, "--sentinel"),
			"--unixsocket", s.socket, "--unixsocketperm", "700", "--dir", s.dir, "--daemonize", "no", "--logfile", "")
	}
	args := append(s.listenArgs(),
		"--unixsocket", s.socket, "--unixsocketperm", "700",
		"--dir", s.dir, "--daemonize", "no", "--logfile", "", "--save", "",
	)
	if s.opts.Persist {
		// Without rewrites there is no forked child, so ending the one process ends everything.
		args = append(args, "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0")
	} else {
		args = append(args, "--appendonly", "no")
	}
	if s.opts.Password != "" {
		args = append(args, "--requirepass", s.opts.Password)
	}
	return append(args, s.opts.Args...)
}

// listenArgs appends how to listen on the port.
func (s *Server) listenArgs(args ...string) []string {
	if s.opts.own == "" {
		args = append(args, "--bind", "127.0.0.1")
	} else {
		args = append(args, "--bind", s.opts.own, "--bind-source-addr", s.opts.own)
	}
	port := strconv.Itoa(s.port)
	if s.opts.TLS == "" {
		return append(args, "--port", port)
	}
	file := func(name string) string { return filepath.Join(s.opts.TLS, name) }
	return append(args, "--port", "0", "--tls-port", port, "--tls-auth-clients", "no",
		"--tls-cert-file", file("cert.pem"), "--tls-key-file", file("key.pem"), "--tls-ca-cert-file", file("ca.pem"),
		"--tls-replication", "yes", "--tls-cluster", "yes")
}

// scheme is that of URLs to the port.
func (o Options) scheme() string {
	if o.TLS != "" {
		return "rediss"
	}
	return "redis"
}

// URL is where clients connect: unix:///path/redis.sock, with ":password@" before the path if there is one.
func (s *Server) URL() string {
	u := url.URL{Scheme: "unix", User: s.userinfo(), Path: s.socket}
	return u.String()
}

// TCPURL is redis://127.0.0.1:port, with the password if there is one; empty for a server without a port.
func (s *Server) TCPURL() string {
	if s.port == 0 {
		return ""
	}
	u := url.URL{Scheme: s.opts.scheme(), User: s.userinfo(), Host: hostPort(s.port)}
	return u.String()
}

func hostPort(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (s *Server) userinfo() *url.Userinfo {
	if s.opts.Password == "" {
		return nil
	}
	return url.UserPassword("", s.opts.Password)
}

// Addr is the unix socket, as arguments for net.Dial.
func (s *Server) Addr() (network, addr string) { return "unix", s.socket }

// Socket is the path of the unix socket.
func (s *Server) Socket() string { return s.socket }

// Port is the port on 127.0.0.1, 0 if there is none.
func (s *Server) Port() int { return s.port }

// Dir is the server's working directory.
func (s *Server) Dir() string { return s.dir }

// Version is what the server calls itself, for example "7.0.15".
func (s *Server) Version() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Pid is the process id of the current or last process, for messages and for reading its statistics.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc.handle.Pid
}

// Kill ends the process with SIGKILL, paused or not, and returns once it is gone. Harmless if it has ended already.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proc.kill()
	return nil
}

// Restart ends the process if it still runs, as Kill does, and starts one with the same socket, port and directory.
// It returns once the new one answers PING and has loaded its data. After an error no process runs; try again.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errors.New("redisserver: restart of a stopped server")
	}
	s.proc.kill()
	return s.start(ctx)
}

// Pause stops the process where it is (SIGSTOP): connections stay open and nothing answers.
// The kernel still accepts new connections for it.
func (s *Server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = true
	return stopSignal(s.proc.handle)
}

// Resume lets a paused process continue.
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = false
	return contSignal(s.proc.handle)
}

// Running reports whether the server can be asked: it was not killed, is not paused, and is not cut off from the others.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.proc.exited:
		return false
	default:
		return !s.paused && !s.away
	}
}

func (s *Server) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// Stop ends the process and removes its temporary directory. Safe to call twice.
// It does not ask the server to shut down first: there is nothing that it would have to save.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.proc.kill()
	if err := os.RemoveAll(s.tmp); err != nil {
		return fmt.Errorf("redisserver: %w", err)
	}
	return nil
}

// SocketDir makes a temporary directory whose path leaves room for the name of a unix socket: a socket's path ends at
// about 104 bytes, and some systems have long names for their temporary directory. The caller removes it.
func SocketDir() (string, error) {
	const longest = 80
	dir, err := os.MkdirTemp("", "thoonk")
	if err != nil || len(dir) <= longest {
		return dir, err
	}
	if err := os.Remove(dir); err != nil {
		return "", err
	}
	return os.MkdirTemp("/tmp", "thoonk")
}

// freePort finds a port of 127.0.0.1 that nobody listens on now. A cluster node also needs the port 10000 above it.
func freePort() (int, error) {
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("redisserver: free port: %w", err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if port+10000 <= 65535 {
			return port, nil
		}
	}
	return 0, errors.New("redisserver: free port: none below 55536 in 20 tries")
}
