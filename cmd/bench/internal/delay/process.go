package delay

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/internal/redisserver"
)

// task is the environment variable that makes this program a forwarder.
const task = "THOONK_BENCH_FORWARD"

// An order is what a forwarder's process is told.
type order struct {
	Network string // to listen at
	Server  string // URL
	RTT     time.Duration
}

// A Process is a forwarder in a process of its own: it has to wake up in time, and must take no time from the goroutines
// that are measured.
type Process struct {
	cmd  *exec.Cmd
	stop io.Closer
	// Addr is where it listens.
	Addr string
}

// Spawn starts this program again as a forwarder to the server of that URL, which listens at an address of its own, "tcp" or
// "unix". It ends with this process at the latest.
func Spawn(network, server string, rtt time.Duration) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	what, err := json.Marshal(order{network, server, rtt})
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(self)}
	p.cmd.Env = append(os.Environ(), task+"="+string(what))
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = groupOfItsOwn()
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.stop = stdin
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("the forwarder did not start: %w", err)
	}
	p.Addr = line[:len(line)-1]
	return p, nil
}

// Close ends the process, and waits for it.
func (p *Process) Close() error {
	_ = p.stop.Close()
	return p.cmd.Wait()
}

// Child reports whether this process has been a forwarder, until whoever spawned it let go of it. It is the first thing
// that main does.
func Child() bool {
	what, found := os.LookupEnv(task)
	if !found {
		return false
	}
	if err := serve(what); err != nil {
		fmt.Fprintln(os.Stderr, "forwarder:", err)
	}
	return true
}

// serve forwards until its input ends, as it does when whoever spawned it has gone, or until SIGTERM. What is on its way then
// does not arrive.
func serve(what string) error {
	signal.Ignore(os.Interrupt) // of a terminal: the calls under way still need their way
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	var o order
	if err := json.Unmarshal([]byte(what), &o); err != nil {
		return err
	}
	to, err := direct.Parse(o.Server)
	if err != nil {
		return err
	}
	addr := "127.0.0.1:0"
	if o.Network == "unix" {
		dir, err := redisserver.SocketDir()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) // here, since whoever spawned us may be gone
		addr = filepath.Join(dir, "far.sock")
	}
	l, err := net.Listen(o.Network, addr)
	if err != nil {
		return err
	}
	f := Start(l, o.RTT, func(ctx context.Context) (net.Conn, error) { return to.DialContext(ctx, to.Network, to.Addr) })
	fmt.Println(l.Addr())
	<-ctx.Done()
	return f.Close()
}
