package redisserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashEnv) != "" {
		crash()
	}
	goleak.VerifyTestMain(m)
}

// need skips without a redis-server; with CI set it fails. (redistest does this for other packages and imports this one.)
func need(t *testing.T) {
	t.Helper()
	if _, err := Find(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: %v", err)
	}
}

func server(t *testing.T, opts Options) *Server {
	t.Helper()
	need(t)
	s, err := Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

// do runs one command on a connection of its own.
func do(t *testing.T, s *Server, cmd string, args ...string) (reply string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	network, addr := s.Addr()
	conn, err := radix.Dialer{AuthPass: s.opts.Password}.Dial(ctx, network, addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return reply, conn.Do(ctx, radix.Cmd(&reply, cmd, args...))
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := server(t, Options{LogTo: &log})
	require.Equal(t, "unix://"+s.Socket(), s.URL())
	require.Less(t, len(s.Socket()), 104)
	require.Empty(t, s.TCPURL())
	require.Zero(t, s.Port())
	require.Regexp(t, `^\d+\.\d+\.\d+`, s.Version())
	reply, err := do(t, s, "SET", "a", "1")
	require.NoError(t, err)
	require.Equal(t, "OK", reply)

	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop())
	_, err = do(t, s, "PING")
	require.Error(t, err)
	require.NoDirExists(t, s.Dir())
	require.Contains(t, log.String(), "eady to accept connections")
	require.Error(t, s.Restart(t.Context()))
}

func TestPasswordAndPort(t *testing.T) {
	t.Parallel()
	s := server(t, Options{Password: "se:cret", Port: -1})
	require.Equal(t, "unix://:se%3Acret@"+s.Socket(), s.URL())
	require.Equal(t, fmt.Sprintf("redis://:se%%3Acret@127.0.0.1:%d", s.Port()), s.TCPURL())
	conn, err := radix.Dial(t.Context(), "tcp", s.TCPURL())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.Do(t.Context(), radix.Cmd(nil, "PING")))
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	for _, persist := range []bool{false, true} {
		t.Run(fmt.Sprintf("persist=%v", persist), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := server(t, Options{Dir: dir, Persist: persist, Port: -1})
			socket, port := s.Socket(), s.Port()
			_, err := do(t, s, "SET", "a", "1")
			require.NoError(t, err)

			require.NoError(t, s.Kill())
			require.NoError(t, s.Kill())
			_, err = do(t, s, "PING")
			require.Error(t, err)

			require.NoError(t, s.Restart(t.Context()))
			reply, err := do(t, s, "GET", "a")
			require.NoError(t, err)
			require.Equal(t, map[bool]string{true: "1"}[persist], reply)
			require.NoError(t, s.Restart(t.Context())) // also while it runs
			require.Equal(t, []any{socket, port}, []any{s.Socket(), s.Port()})

			require.NoError(t, s.Stop())
			require.DirExists(t, dir)
			require.NoDirExists(t, filepath.Dir(socket))
		})
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	s := server(t, Options{})
	require.NoError(t, s.Pause())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := ask(ctx, s.Socket(), "")
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, s.Resume())
	_, err = do(t, s, "PING")
	require.NoError(t, err)

	require.NoError(t, s.Pause())
	require.NoError(t, s.Stop()) // paused or not
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	need(t)
	_, err := Start(t.Context(), Options{Args: []string{"--no-such-option", "1"}})
	require.ErrorContains(t, err, "no-such-option") // quotes the log

	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	_, err = Start(t.Context(), Options{Port: busy.Addr().(*net.TCPAddr).Port})
	require.ErrorContains(t, err, "ended")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Start(ctx, Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestNotFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), Options{})
	require.ErrorIs(t, err, ErrNotFound)
}

const crashEnv = "REDISSERVER_TEST_CRASH"

// crash starts a server, says where, and dies without Stop.
func crash() {
	s, err := Start(context.Background(), Options{Dir: os.Getenv(crashEnv)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Print(s.Socket())
	self, _ := os.FindProcess(os.Getpid())
	_ = self.Kill()
	select {}
}
