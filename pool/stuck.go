package pool

import (
	"bytes"
	"context"
	"runtime"
	"time"
)

// Stuck is a task that has not returned although its context ended.
type Stuck struct {
	Name    string        // of the task
	Running time.Duration // since Go
	Cause   error         // with which the context ended
	Stack   []byte        // of the task's goroutine; nil if it could not be found
}

const maxStacks = 64 << 20 // bytes of stacks of all goroutines that are enough: more may be cut

// report counts a stuck task and tells OnStuck. Tasks that become stuck while it
// is at work share the next look at the stacks. Looks take at most a tenth of all time.
func (p *Pool) report(r *Running) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.over {
		return
	}
	r.stuck = true
	p.stuck++
	p.stuckTotal++
	r.group.stuck++
	r.group.stuckTotal++
	if r.group.opts.OnStuck == nil {
		return
	}
	p.due = append(p.due, r)
	if p.reporting {
		return
	}
	p.reporting = true
	for len(p.due) > 0 {
		due := p.due
		p.due = nil
		p.mu.Unlock()
		time.Sleep(time.Until(p.nextLook))
		before := time.Now()
		all := stacks()
		p.nextLook = time.Now().Add(9 * time.Since(before))
		for _, r := range due {
			p.tell(r, all)
		}
		p.mu.Lock()
	}
	p.reporting = false
}

// tell calls OnStuck, if the task still runs: then the stack is one of this task,
// and not of a later one on the same goroutine.
func (p *Pool) tell(r *Running, all []byte) {
	p.mu.Lock()
	over := r.over
	p.mu.Unlock()
	if over {
		return
	}
	defer func() {
		if recover() != nil {
			p.mu.Lock()
			p.panics++
			r.group.panics++
			p.mu.Unlock()
		}
	}()
	r.worker.mu.Lock()
	id := r.worker.id
	r.worker.mu.Unlock()
	r.group.opts.OnStuck(Stuck{
		Name:    r.task.Name,
		Running: time.Since(r.started),
		Cause:   context.Cause(&r.ctx),
		Stack:   stackOf(all, id),
	})
}

// stacks returns the stacks of all goroutines. The program stands still meanwhile.
func stacks() []byte {
	for size := 256<<10 + 1024*runtime.NumGoroutine(); ; size *= 4 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= maxStacks {
			return buf[:n]
		}
	}
}

// stackOf finds the stack of one goroutine among all. They are separated by empty
// lines, and each begins with "goroutine 123 [".
func stackOf(all []byte, id string) []byte {
	head := []byte("goroutine " + id + " [")
	start := 0
	if !bytes.HasPrefix(all, head) {
		start = bytes.Index(all, append([]byte("\n\n"), head...)) + 2
		if start < 2 || id == "" {
			return nil
		}
	}
	stack := all[start:]
	if end := bytes.Index(stack, []byte("\n\n")); end >= 0 {
		stack = stack[:end+1]
	}
	return bytes.Clone(stack)
}

// goroutineID is the number of this goroutine, from the first line of its stack.
func goroutineID() string {
	var buf [64]byte
	head := buf[:runtime.Stack(buf[:], false)]
	head = bytes.TrimPrefix(head, []byte("goroutine "))
	id, _, _ := bytes.Cut(head, []byte(" "))
	return string(id)
}
