package actor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNotSent is wrapped by every error that proves nothing ran.
var ErrNotSent = errors.New("nothing was sent")

// ErrOutcomeUnknown is wrapped by every error after which the call may or may
// not have taken effect.
var ErrOutcomeUnknown = errors.New("outcome unknown")

// ErrStopped means the owner ended before it took the command: it did not run.
var ErrStopped error = notSent("stopped")

// ErrUnavailable means that Redis could not be reached for as long as the call
// was willing to wait. It comes together with ErrNotSent or ErrOutcomeUnknown.
var ErrUnavailable = errors.New("redis unavailable")

type notSent string

func (e notSent) Error() string { return string(e) }
func (e notSent) Unwrap() error { return ErrNotSent }

// Mailbox is the bounded inbox of one goroutine, its owner. The owner reads In,
// watches Quit, and calls Exit as the last thing it does.
type Mailbox[C any] struct {
	// in is let go of at the end: handles keep the mailbox, and need not keep that.
	in   atomic.Pointer[chan C]
	quit chan struct{}
	done chan struct{}
	stop sync.Once
	// senders are those between their look at quit and the end of their send.
	senders atomic.Int64
	used    atomic.Int64 // when a command was last taken, Unix nanoseconds
	busy    atomic.Bool
}

// NewMailbox returns a mailbox that holds up to size commands.
func NewMailbox[C any](size int) *Mailbox[C] {
	m := &Mailbox[C]{quit: make(chan struct{}), done: make(chan struct{})}
	in := make(chan C, size)
	m.in.Store(&in)
	m.Touch()
	return m
}

// Touch is called by the owner when it takes commands: it is not idle.
func (m *Mailbox[C]) Touch() { m.used.Store(time.Now().UnixNano()) }

// SetBusy is called by the owner when it starts or ceases to have work that no
// command shows, such as callers who wait for something to arrive.
func (m *Mailbox[C]) SetBusy(busy bool) { m.busy.Store(busy) }

// IdleSince reports whether the owner has had nothing to do since t.
func (m *Mailbox[C]) IdleSince(t time.Time) bool {
	return !m.busy.Load() && len(m.inbox()) == 0 && m.used.Load() < t.UnixNano()
}

// Send puts c into the inbox. When the inbox is full it waits for room, at most
// patience and never past ctx: back-pressure. ErrStopped, ErrUnavailable (with
// ErrNotSent) and the context's error (with ErrNotSent) all mean that c will
// not run.
func (m *Mailbox[C]) Send(ctx context.Context, c C, patience time.Duration) error {
	m.senders.Add(1)
	defer m.senders.Add(-1)
	select {
	case <-m.quit:
		return ErrStopped
	default:
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", ctx.Err(), ErrNotSent)
	}
	in := m.inbox()
	select {
	case in <- c:
		return nil
	default:
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case in <- c:
		return nil
	case <-m.quit:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("%w (%w)", ctx.Err(), ErrNotSent)
	case <-t.C:
		return fmt.Errorf("%w (%w)", ErrUnavailable, ErrNotSent)
	}
}

// TrySend puts c into the inbox if there is room now.
func (m *Mailbox[C]) TrySend(c C) bool {
	m.senders.Add(1)
	defer m.senders.Add(-1)
	select {
	case <-m.quit:
		return false
	default:
	}
	select {
	case m.inbox() <- c:
		return true
	default:
		return false
	}
}

// In is what the owner reads.
func (m *Mailbox[C]) In() <-chan C { return m.inbox() }

// inbox is nil, so that nothing can be sent to it, once the owner has ended.
func (m *Mailbox[C]) inbox() chan C {
	if in := m.in.Load(); in != nil {
		return *in
	}
	return nil
}

// Stop asks the owner to end; it does not wait. Safe to call more than once.
func (m *Mailbox[C]) Stop() { m.stop.Do(func() { close(m.quit) }) }

// Quit is closed by Stop.
func (m *Mailbox[C]) Quit() <-chan struct{} { return m.quit }

// Exit is called by the owner when it has taken the last command it will ever
// take. Commands left in the inbox are refused: answer them with ErrStopped, for
// their callers may wait for that alone.
func (m *Mailbox[C]) Exit(refuse func(C)) {
	m.Stop()
	// A sender that has not seen quit may still put its command in. Senders do not
	// block now.
	for in := m.inbox(); len(in) > 0 || m.senders.Load() > 0; {
		select {
		case c := <-in:
			refuse(c)
		default:
			runtime.Gosched()
		}
	}
	m.in.Store(nil)
	close(m.done)
}

// Done is closed once the owner has ended.
func (m *Mailbox[C]) Done() <-chan struct{} { return m.done }
