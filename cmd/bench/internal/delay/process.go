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
	"syscall"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
)

// task is the environment variable that makes this program a forwarder.
const task = "THOONK_BENCH_FORWARD"

// An order is what a forwarder's process is told.
type order struct {
	Network, Addr string // to listen at
	Server        string // URL
	RTT           time.Duration
}

// A Process is a forwarder in a process of its own: it has to wake up in time, and must take no time from the goroutines
// that are measured.
type Process struct {
	cmd  *exec.Cmd
	stop io.Closer
	// Addr is where it listens.
	Addr string
}

// Spawn starts this program again as a forwarder to the server of that URL. It ends with this process at the latest.
func Spawn(network, addr, server string, rtt time.Duration) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	what, err := json.Marshal(order{network, addr, server, rtt})
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(self)}
	p.cmd.Env = append(os.Environ(), task+"="+string(what))
	p.cmd.Stderr = os.Stderr
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

func serve(what string) error {
	// A terminal tells them to the whole group. The calls under way still need their way: whoever spawned us ends us.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	var o order
	if err := json.Unmarshal([]byte(what), &o); err != nil {
		return err
	}
	to, err := direct.Parse(o.Server)
	if err != nil {
		return err
	}
	l, err := net.Listen(o.Network, o.Addr)
	if err != nil {
		return err
	}
	f := Start(l, o.RTT, func(ctx context.Context) (net.Conn, error) { return to.DialContext(ctx, to.Network, to.Addr) })
	fmt.Println(l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return f.Close()
}
