package redisserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// defaultStartTimeout bounds a start whose context has no deadline.
const defaultStartTimeout = 30 * time.Second

// ready waits until the server answers PING with PONG, which it does not while it loads its data, and returns its
// version. It gives up when the process ends.
func ready(ctx context.Context, p *process, socket, password string) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, defaultStartTimeout)
	defer cancel()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		if version, err = ask(ctx, socket, password); err == nil {
			return version, nil
		}
		select {
		case <-p.exited:
			return "", fmt.Errorf("redis-server ended: %w", orEnded(p.err))
		case <-ctx.Done():
			return "", fmt.Errorf("redis-server did not answer: %w (last: %w)", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func orEnded(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// ask sends PING and INFO server in one go.
func ask(ctx context.Context, socket, password string) (version string, err error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline() // ready sets one
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	var request strings.Builder
	if password != "" {
		writeCommand(&request, "AUTH", password)
	}
	writeCommand(&request, "PING")
	writeCommand(&request, "INFO", "server")
	if _, err := io.WriteString(conn, request.String()); err != nil {
		return "", err
	}
	br := bufio.NewReader(conn)
	if password != "" {
		if err := expect(br, "+OK"); err != nil {
			return "", err
		}
	}
	if err := expect(br, "+PONG"); err != nil {
		return "", err
	}
	return readVersion(br)
}

func writeCommand(w io.Writer, args ...string) {
	fmt.Fprintf(w, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(w, "$%d\r\n%s\r\n", len(a), a)
	}
}

func expect(br *bufio.Reader, want string) error {
	line, err := br.ReadString('\n')
	if err != nil {
		return err
	}
	if line = strings.TrimSpace(line); line != want {
		return fmt.Errorf("redis-server answered %q", line)
	}
	return nil
}

// readVersion reads the reply to INFO server. A server without the line is as good, its version is unknown.
func readVersion(br *bufio.Reader) (string, error) {
	line, err := br.ReadString('\n')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "$")))
	if err != nil || n < 0 {
		return "", fmt.Errorf("redis-server answered %q to INFO", strings.TrimSpace(line))
	}
	info := make([]byte, n)
	if _, err := io.ReadFull(br, info); err != nil {
		return "", err
	}
	for line := range strings.Lines(string(info)) {
		if v, ok := strings.CutPrefix(line, "redis_version:"); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "unknown", nil
}
