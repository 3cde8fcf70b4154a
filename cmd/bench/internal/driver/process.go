package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// A Process is a driver that runs.
type Process struct {
	Hello Hello

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	out    *json.Decoder
	stderr tail
}

// patience is how long a driver may take to begin or to end, and to answer on top of the time it was asked to take.
const patience = 2 * time.Minute

// Start runs a driver. It is killed when ctx ends.
func Start(ctx context.Context, setup Setup, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = time.Second
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(stdout)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := p.exchange(ctx, 0, setup, &p.Hello); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if p.Hello.Error != "" {
		return nil, errors.Join(errors.New(p.Hello.Error), p.Close())
	}
	return p, nil
}

// Ask sends a request and waits for its reply. A reply with an error is an error.
func (p *Process) Ask(ctx context.Context, r Request) (Reply, error) {
	var reply Reply
	if err := p.exchange(ctx, time.Duration(r.Seconds*float64(time.Second)), r, &reply); err != nil {
		return reply, err
	}
	if reply.Error != "" {
		return reply, fmt.Errorf("%s: %s", r.Do, reply.Error)
	}
	return reply, nil
}

// exchange writes a line and reads one. A driver that is silent for too long is killed.
func (p *Process) exchange(ctx context.Context, takes time.Duration, line, answer any) error {
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	silent := time.AfterFunc(takes+patience, func() { _ = p.cmd.Process.Kill() })
	defer silent.Stop()
	if _, err = p.stdin.Write(append(data, '\n')); err == nil {
		err = p.out.Decode(answer)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("the driver is gone: %w%s", err, p.stderr.said())
	}
	return nil
}

// Close ends the driver and waits for it.
func (p *Process) Close() error {
	_ = p.stdin.Close()
	silent := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer silent.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the driver: %w%s", err, p.stderr.said())
	}
	return nil
}

// A tail keeps the end of what was written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 2 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(b), nil
}

// said is the tail for an error message.
func (t *tail) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := bytes.TrimSpace(t.text); len(s) > 0 {
		return "; it said: " + string(s)
	}
	return ""
}
