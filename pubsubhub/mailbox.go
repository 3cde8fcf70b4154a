package pubsubhub

import "sync"

// keepRing is the size up to which an emptied mailbox keeps its memory.
const keepRing = 4096

// mailbox is a bounded queue of events, written by the hub's owner and read by the subscriber. Message events are shared
// between mailboxes and never written; the events that tell of missing messages belong to their mailbox.
type mailbox struct {
	wake  chan struct{} // capacity 1: there may be something to pop
	ended chan struct{} // closed with err set

	mu       sync.Mutex
	ring     []*Event // length a power of two
	head, n  int
	messages int // of the n; the bound counts these
	bound    int
	err      error
}

func (m *mailbox) init(bound int) {
	m.bound = bound
	m.wake = make(chan struct{}, 1)
	m.ended = make(chan struct{})
}

// push queues a run of messages as far as there is room, and counts the rest as missed at this place.
func (m *mailbox) push(run []*Event) (queued, dropped int) {
	m.mu.Lock()
	if m.err != nil {
		m.mu.Unlock()
		return 0, 0
	}
	queued = min(m.bound-m.messages, len(run))
	for _, e := range run[:queued] {
		m.add(e)
	}
	m.messages += queued
	dropped = len(run) - queued
	if dropped > 0 {
		m.gap().Missed += uint64(dropped)
	}
	m.mu.Unlock()
	signal(m.wake)
	return queued, dropped
}

// reconnected marks the place where the connection was replaced.
func (m *mailbox) reconnected() {
	m.mu.Lock()
	if m.err == nil {
		m.gap().Kind = KindReconnected
	}
	m.mu.Unlock()
	signal(m.wake)
}

// gap returns the event at the end of the queue that tells of missing messages. Neighbouring gaps are one, so that a
// mailbox nobody empties stays bounded: there is at most one gap between two messages.
func (m *mailbox) gap() *Event {
	if m.n > 0 {
		if last := m.ring[(m.head+m.n-1)&(len(m.ring)-1)]; last.Lost() {
			return last
		}
	}
	e := &Event{Kind: KindLagged}
	m.add(e)
	return e
}

func (m *mailbox) add(e *Event) {
	if m.n == len(m.ring) {
		m.grow()
	}
	m.ring[(m.head+m.n)&(len(m.ring)-1)] = e
	m.n++
}

func (m *mailbox) grow() {
	ring := make([]*Event, max(8, 2*len(m.ring)))
	k := copy(ring, m.ring[m.head:])
	copy(ring[k:], m.ring[:m.head])
	m.ring, m.head = ring, 0
}

// pop moves events into the given slice. With none left it returns the error the mailbox ended with, if it did.
func (m *mailbox) pop(into []Event) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n == 0 {
		return 0, m.err
	}
	k := min(m.n, len(into))
	for i := range k {
		slot := &m.ring[m.head]
		into[i] = **slot
		*slot = nil
		m.head = (m.head + 1) & (len(m.ring) - 1)
		if !into[i].Lost() {
			m.messages--
		}
	}
	m.n -= k
	if m.n > 0 {
		signal(m.wake) // another goroutine may be waiting for the rest
	} else if len(m.ring) > keepRing {
		m.ring, m.head = nil, 0
	}
	return k, nil
}

// end lets readers take what is queued, unless it is to be forgotten, and then have err. The first error stays.
func (m *mailbox) end(err error, forget bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.err = err
		close(m.ended)
	}
	if forget {
		m.ring, m.head, m.n, m.messages = nil, 0, 0, 0
	}
}
