//go:build linux

package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
	"github.com/thoonk-go/thoonk/internal/chaos/load"
)

// A process is one run of the process under test.
type process struct {
	cfg     load.Config
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan string
	log     string // path of its standard error
	count   *ledger.Counter
	exited  chan struct{}
	err     error // of its end

	telling sync.Mutex // one question at a time

	mu      sync.Mutex
	killed  bool
	stopped bool
	pauses  []pause
}

// pause is a time in which a process was stopped.
type pause struct{ from, to int64 }

// start runs a binary. It ends when this process does, stopped or not.
func start(t testing.TB, binary, dir string, cfg load.Config) *process {
	t.Helper()
	cfg.Ledger = filepath.Join(dir, cfg.Process+".ledger")
	env, err := json.Marshal(cfg)
	require.NoError(t, err)
	p := &process{
		cfg: cfg, cmd: exec.Command(binary), answers: make(chan string, 16), log: filepath.Join(dir, cfg.Process+".log"),
		count: ledger.Count(cfg.Ledger), exited: make(chan struct{}),
	}
	log, err := os.Create(p.log)
	require.NoError(t, err)
	defer log.Close()
	p.cmd.Env = append(os.Environ(), load.Env+"="+string(env), "GORACE=halt_on_error=1")
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal at our death is sent when the thread that started it ends
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		for s := bufio.NewScanner(out); s.Scan(); {
			p.answers <- s.Text()
		}
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	require.NoError(t, <-started)
	t.Cleanup(func() { p.kill(); p.count.Close() })
	return p
}

// kill is SIGKILL, and waits for the end.
func (p *process) kill() {
	p.mu.Lock()
	p.killed = true
	p.resumed()
	p.mu.Unlock()
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// stop is SIGSTOP, and cont SIGCONT.
func (p *process) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed || p.stopped {
		return
	}
	p.stopped = true
	p.pauses = append(p.pauses, pause{from: ledger.Now()})
	_ = p.cmd.Process.Signal(syscall.SIGSTOP)
}

func (p *process) cont() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	p.resumed()
}

// resumed ends a pause. The caller holds mu.
func (p *process) resumed() {
	if p.stopped {
		p.stopped = false
		p.pauses[len(p.pauses)-1].to = ledger.Now()
	}
}

// tell sends a line and waits for the answer.
func (p *process) tell(line string, patience time.Duration) (string, error) {
	p.telling.Lock()
	defer p.telling.Unlock()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		return "", fmt.Errorf("%s: %s: %w%s", p.cfg.Process, line, err, p.lastWords())
	}
	select {
	case answer := <-p.answers:
		return answer, nil
	case <-p.exited:
		select {
		case answer := <-p.answers:
			return answer, nil
		default:
			return "", fmt.Errorf("%s: %s: it has ended: %v%s", p.cfg.Process, line, p.err, p.lastWords())
		}
	case <-time.After(patience):
		return "", fmt.Errorf("%s: %s: no answer within %v%s", p.cfg.Process, line, patience, p.stacks())
	}
}

// stacks has the process, which hangs, say where.
func (p *process) stacks() string {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
	}
	return p.lastWords()
}

// lastWords are what the process wrote to its standard error.
func (p *process) lastWords() string {
	b, _ := os.ReadFile(p.log)
	if len(b) > 20_000 {
		b = b[:20_000]
	}
	return "\n" + strings.TrimSpace(string(b))
}
