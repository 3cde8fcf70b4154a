package redisserver

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// process is one run of redis-server, from its start until it was reaped.
type process struct {
	handle *os.Process
	log    *tail
	exited chan struct{} // closed when the process was reaped
	err    error         // why it ended; read only after exited
}

// spawn starts the program on an operating system thread that lives as long as the process does: the parent-death
// signal is sent when the thread that started the child ends, not when the process does.
func spawn(path string, args, env []string, dir string, logTo io.Writer) (*process, error) {
	p := &process{log: &tail{to: logTo}, exited: make(chan struct{})}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout = p.log
	cmd.Stderr = p.log
	cmd.SysProcAttr = procAttr()
	cmd.WaitDelay = time.Second // a forked saver may hold the pipe

	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine, after the process
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.handle = cmd.Process
		started <- nil
		p.err = cmd.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// kill ends the process and waits until it was reaped. Harmless if it has ended already.
func (p *process) kill() {
	_ = p.handle.Kill() // fails only if it has ended
	<-p.exited
}

// tail keeps the last few kilobytes of a server's log, for error messages, and passes everything on.
type tail struct {
	mu  sync.Mutex
	to  io.Writer
	buf []byte
}

const tailSize = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if n := len(t.buf) - tailSize; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	if t.to != nil {
		_, _ = t.to.Write(b) // a log that cannot be written must not stop the server
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
