package pool

import (
	"context"
	"sync"
	"time"
)

// A worker is a goroutine that runs one task after another: its stack has grown
// already, and its number is known, which runtime.Stack tells only to the goroutine
// itself.
type worker struct {
	pool  *Pool
	index int           // in pool.workers; the pool's mutex guards it
	in    chan *Running // holds one: whoever gives does not wait. Closed: the worker ends

	mu    sync.Mutex // may be held with no other lock
	id    string     // of the goroutine
	task  *Running   // from Go until its slot is free
	timer *time.Timer
	due   time.Time // when the timer means something; zero: it means nothing
}

// hire returns an idle worker, or a new one, whose goroutine the caller starts.
func (p *Pool) hire() (w *worker, fresh bool) {
	if n := len(p.idle); n > 0 {
		w = p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.low = min(p.low, n-1)
		return w, false
	}
	w = &worker{pool: p, index: len(p.workers), in: make(chan *Running, 1)}
	p.workers = append(p.workers, w)
	return w, true
}

// dismiss forgets a worker.
func (p *Pool) dismiss(w *worker) {
	last := len(p.workers) - 1
	p.workers[w.index] = p.workers[last]
	p.workers[w.index].index = w.index
	p.workers[last] = nil
	p.workers = p.workers[:last]
}

// retire ends the n workers that are idle for longest.
func (p *Pool) retire(n int) {
	for _, w := range p.idle[:n] {
		p.dismiss(w)
		close(w.in)
	}
	left := copy(p.idle, p.idle[n:])
	clear(p.idle[left:])
	p.idle = p.idle[:left]
}

// onReap ends the workers that were idle since the last time.
func (p *Pool) onReap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reap.armed = false
	if p.closed {
		return
	}
	p.retire(p.low)
	p.low = len(p.idle)
	if p.low > 0 {
		p.reap.arm(reapEvery, p.onReap)
	}
}

// give hands over a task. Cancel may follow at once, so the worker has the task
// before its goroutine does.
func (w *worker) give(r *Running) {
	r.worker = w
	w.mu.Lock()
	w.task = r
	w.mu.Unlock()
	w.in <- r
}

func (w *worker) run() {
	id := goroutineID()
	w.mu.Lock()
	w.id = id
	w.mu.Unlock()
	var r *Running
	defer func() {
		if r != nil { // a task called runtime.Goexit
			w.exit(r)
		}
	}()
	for r = range w.in {
		w.begin(r)
		err := r.do()
		w.doReturned(r)
		r.handBack()
		r.finish(err)
		over := r
		r = nil
		if !w.free(over, true) {
			return
		}
	}
}

// exit is the end of a task, and of the worker, after runtime.Goexit in Do or Done.
func (w *worker) exit(r *Running) {
	defer w.free(r, false) // Done may call Goexit too
	if !r.returned {       // only this goroutine writes it
		w.doReturned(r)
		r.handBack()
		r.finish(ErrGoexit)
	}
}

// begin starts the timer of a task that has a timeout.
func (w *worker) begin(r *Running) {
	if r.task.Timeout <= 0 {
		return
	}
	w.mu.Lock()
	if !r.ended {
		w.arm(r.started.Add(r.task.Timeout))
	}
	w.mu.Unlock()
}

// doReturned is called when Do has returned: Done finds the context as it is now.
func (w *worker) doReturned(r *Running) {
	w.mu.Lock()
	r.returned = true
	if !r.ended {
		w.disarm()
	}
	w.mu.Unlock()
}

// free ends a task. It reports whether the worker goes on; it ends if it is not fit.
func (w *worker) free(r *Running, fit bool) (more bool) {
	r.ctx.end(context.Canceled)
	w.mu.Lock()
	w.disarm()
	w.task = nil
	w.mu.Unlock()

	p, g := w.pool, r.group
	p.mu.Lock()
	r.over = true
	p.running--
	if !r.kept {
		g.running--
		p.held--
	}
	p.panics += r.panics
	g.panics += r.panics
	if r.stuck {
		p.stuck--
		g.stuck--
	}
	more = fit && !p.closed
	if more {
		p.idle = append(p.idle, w)
		if !p.reap.armed {
			p.low = 0
			p.reap.arm(reapEvery, p.onReap)
		}
	} else {
		p.dismiss(w)
	}
	if p.running == 0 && p.quiet != nil {
		close(p.quiet)
		p.quiet = nil
	}
	p.settle(g, nil)
	return more
}

// cancel ends the context of r; nil is whatever the worker runs.
func (w *worker) cancel(r *Running, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.task
	if now == nil || r != nil && r != now || now.ended || now.returned {
		return
	}
	w.endContext(now, cause)
}

// endContext ends a context while Do runs, and sets the timer by which the task
// must have returned. No function of the user runs in it: w.mu stays locked, so
// that Done, after it, finds the cause.
func (w *worker) endContext(r *Running, cause error) {
	r.ended = true
	w.arm(time.Now().Add(r.group.opts.StuckAfter))
	r.ctx.end(cause)
}

// arm sets the worker's one timer. An earlier setting may have fired already and
// wait for w.mu: it finds that it is too early, and does nothing.
func (w *worker) arm(due time.Time) {
	w.due = due
	if d := time.Until(due); w.timer == nil {
		w.timer = time.AfterFunc(d, w.onTimer)
	} else {
		w.timer.Reset(d)
	}
}

func (w *worker) disarm() {
	if !w.due.IsZero() {
		w.due = time.Time{}
		w.timer.Stop()
	}
}

func (w *worker) onTimer() {
	w.mu.Lock()
	if w.due.IsZero() || time.Now().Before(w.due) {
		w.mu.Unlock()
		return
	}
	w.due = time.Time{}
	r := w.task
	if !r.ended {
		w.endContext(r, ErrTimeout)
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	w.pool.report(r)
}
