package actor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Set is the actors of one kind, by name: at most one owner for each name at
// any time. They start when they are first needed and end when they have been
// idle for some time; a Handle does not notice.
type Set[C any] struct {
	// Start runs the owner of name until box is stopped. It is called on a
	// goroutine of its own and must call box.Exit, and answer what that refuses.
	Start func(name string, box *Mailbox[C])
	// Inbox is the size of each mailbox.
	Inbox int
	// Patience is how long a call waits for room in a full inbox.
	Patience time.Duration

	mu     sync.Mutex
	boxes  map[string]*Mailbox[C]
	closed atomic.Bool
}

// A Handle reaches the owner of one name. Safe for concurrent use.
type Handle[C any] struct {
	name string
	set  *Set[C]
	box  atomic.Pointer[Mailbox[C]]
}

// Handle returns a handle to the owner of name, which need not run yet.
func (s *Set[C]) Handle(name string) *Handle[C] { return &Handle[C]{name: name, set: s} }

// Name is the name whose owner the handle reaches.
func (h *Handle[C]) Name() string { return h.name }

// Box is the mailbox that the handle used last; nil before its first use.
func (h *Handle[C]) Box() *Mailbox[C] { return h.box.Load() }

// Send puts c into the owner's inbox, after starting the owner if need be, and
// returns the mailbox that took it.
func (h *Handle[C]) Send(ctx context.Context, c C) (*Mailbox[C], error) {
	for {
		box := h.box.Load()
		if box == nil {
			var err error
			if box, err = h.set.get(ctx, h.name); err != nil {
				return nil, err
			}
			h.box.Store(box)
		}
		err := box.Send(ctx, c, h.set.Patience)
		if !errors.Is(err, ErrStopped) {
			return box, err
		}
		if h.set.closed.Load() {
			return nil, ErrStopped
		}
		h.box.CompareAndSwap(box, nil)
	}
}

// Asker is a command that embeds a Reply.
type Asker[T any] interface {
	Wait(ctx context.Context, done <-chan struct{}) (T, error)
	Reset()
}

// Ask sends c to the owner and waits for its reply. An owner that ended before
// it took c is replaced by a new one. c must be of the command type C.
func Ask[T, C any](ctx context.Context, h *Handle[C], c Asker[T]) (T, error) {
	for {
		_, err := h.Send(ctx, c.(C))
		if err != nil {
			var zero T
			return zero, err
		}
		v, err := c.Wait(ctx, nil)
		if err != ErrStopped || h.set.closed.Load() {
			return v, err
		}
		c.Reset()
	}
}

// get returns the mailbox of the running owner of name, or starts one. An owner
// that is ending is waited for: two never own a name at once.
func (s *Set[C]) get(ctx context.Context, name string) (*Mailbox[C], error) {
	for {
		s.mu.Lock()
		if s.closed.Load() {
			s.mu.Unlock()
			return nil, ErrStopped
		}
		box := s.boxes[name]
		if box == nil {
			box = NewMailbox[C](s.Inbox)
			if s.boxes == nil {
				s.boxes = make(map[string]*Mailbox[C])
			}
			s.boxes[name] = box
			go func() {
				s.Start(name, box)
				s.forget(name, box)
			}()
		}
		s.mu.Unlock()
		select {
		case <-box.Quit():
		default:
			return box, nil
		}
		select {
		case <-box.Done():
			s.forget(name, box)
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (%w)", ctx.Err(), ErrNotSent)
		}
	}
}

func (s *Set[C]) forget(name string, box *Mailbox[C]) {
	s.mu.Lock()
	if s.boxes[name] == box {
		delete(s.boxes, name)
	}
	s.mu.Unlock()
}

// Sweep ends the owners that have been idle since before. It does not wait.
func (s *Set[C]) Sweep(before time.Time) {
	for _, box := range s.all() {
		if box.IdleSince(before) {
			box.Stop()
		}
	}
}

// Len is the number of owners that run.
func (s *Set[C]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.boxes)
}

// Close ends all owners and waits for them. Calls that come later get ErrStopped.
func (s *Set[C]) Close() {
	s.mu.Lock()
	s.closed.Store(true)
	s.mu.Unlock()
	boxes := s.all()
	for _, box := range boxes {
		box.Stop()
	}
	for _, box := range boxes {
		<-box.Done()
	}
}

func (s *Set[C]) all() []*Mailbox[C] {
	s.mu.Lock()
	defer s.mu.Unlock()
	boxes := make([]*Mailbox[C], 0, len(s.boxes))
	for _, box := range s.boxes {
		boxes = append(boxes, box)
	}
	return boxes
}
