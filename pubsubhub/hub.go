package pubsubhub

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Hub shares one connection between any number of subscriptions. All methods are safe for concurrent use.
type Hub struct {
	cfg   Config
	inbox *queue[command]
	end   context.CancelFunc
	done  chan struct{} // the owner and everything it started has returned

	counters counters
	outage   atomic.Pointer[error] // why there is no connection, for callers who wait for one
}

// New starts a hub. It dials when there is something to follow.
func New(cfg Config) *Hub {
	ctx, end := context.WithCancel(context.Background())
	h := &Hub{cfg: cfg.withDefaults(), inbox: newQueue[command](), end: end, done: make(chan struct{})}
	var wg sync.WaitGroup
	o := newOwner(ctx, h, &wg)
	go func() {
		o.run()
		wg.Wait()
		close(h.done)
	}()
	return h
}

// Close ends every subscription (their Next returns ErrClosed after what is queued), closes the connection and waits for
// the hub's goroutines, thus for Dial and Publish if they run. Safe to call twice. It always returns nil.
func (h *Hub) Close() error {
	h.end()
	<-h.done
	return nil
}

// Subscribe follows channels and patterns, and returns when Redis has confirmed every one of them on the hub's connection;
// names that are followed already are confirmed already. Whatever is published after it returned is in the stream, or the
// stream tells that it is not.
//
// While Redis cannot be reached Subscribe waits, until its context ends (its error, with the reason for the outage) or
// the hub is closed (ErrClosed). ErrRefused means that Redis does not let the user follow one of the names. After an
// error nothing stays subscribed.
func (h *Hub) Subscribe(ctx context.Context, opts Options) (*Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("pubsubhub: subscribe: %w", err)
	}
	s, err := h.newSubscription(opts)
	if err != nil {
		return nil, err
	}
	h.inbox.put(&join{s})
	select {
	case err = <-s.ready:
	case <-h.done:
		err = ErrClosed
	case <-ctx.Done():
		err = fmt.Errorf("pubsubhub: subscribe: %w", ctx.Err())
		if outage := h.outage.Load(); outage != nil {
			err = fmt.Errorf("%w (no connection: %w)", err, *outage)
		}
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Stats are counters since the hub started, and what it follows at the moment. They are not taken at one instant.
type Stats struct {
	Connected    bool
	Reconnects   uint64 // connections that replaced a lost one
	ProbesSent   uint64
	ProbesFailed uint64 // could not be published, or did not arrive

	Messages  uint64 // received
	Delivered uint64 // put into a mailbox
	Dropped   uint64 // not put into a mailbox because it was full

	Subscriptions, Channels, Patterns int // the hub's own channel is not counted
}

type counters struct {
	connected                            atomic.Bool
	reconnects, probesSent, probesFailed atomic.Uint64
	messages, delivered, dropped         atomic.Uint64
	subscriptions, channels, patterns    atomic.Int64
}

// Stats returns the hub's counters. It never blocks.
func (h *Hub) Stats() Stats {
	c := &h.counters
	return Stats{
		Connected:     c.connected.Load(),
		Reconnects:    c.reconnects.Load(),
		ProbesSent:    c.probesSent.Load(),
		ProbesFailed:  c.probesFailed.Load(),
		Messages:      c.messages.Load(),
		Delivered:     c.delivered.Load(),
		Dropped:       c.dropped.Load(),
		Subscriptions: int(c.subscriptions.Load()),
		Channels:      int(c.channels.Load()),
		Patterns:      int(c.patterns.Load()),
	}
}
