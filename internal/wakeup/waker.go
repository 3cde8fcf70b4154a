package wakeup

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// A Waker waits for names. All methods are safe for concurrent use.
type Waker struct {
	cfg     Config
	closing chan struct{}
	once    sync.Once
	ctx     context.Context // ends when everything is cut off
	cut     context.CancelFunc
	done    chan struct{} // closing, and nothing runs any more

	// mu is held while a Waiter is called: that is what Disarm waits for.
	mu      sync.Mutex
	slots   map[string]*slot
	shards  []*shard // by number; nil: the number is free
	returns map[string]*returning
	running int // shards and returns
	armed   int
	closed  bool // nothing is armed any more
	over    bool // nothing is returned any more

	connections                                              atomic.Int64
	pops, wakes, returned, interrupts, reconnects, suspicion atomic.Uint64
}

// A slot is a name's place in a shard. It is guarded by Waker.mu.
type slot struct {
	name   string
	key    string
	shard  *shard
	waiter Waiter    // nil: not armed
	pop    uint64    // the last pop that had the name among its keys
	until  time.Time // not armed: the place is kept until then
	pause  time.Time // armed: not in a pop before then
	hold   time.Time // armed: ids are on their way back; not in a pop before then
	bad    int       // how often in a row the key could not be popped
}

// New returns a Waker that has no connection and no goroutine yet.
func New(cfg Config) *Waker {
	ctx, cut := context.WithCancel(context.Background())
	return &Waker{
		cfg:     cfg.withDefaults(),
		closing: make(chan struct{}),
		ctx:     ctx,
		cut:     cut,
		done:    make(chan struct{}),
		slots:   make(map[string]*slot),
		returns: make(map[string]*returning),
	}
}

// Arm waits for the next id of name: waiter.Wake gets it and answers true once, at
// most. Arming an armed name changes nothing. Another waiter takes the place of the one
// that was there: the name was made anew as another type, and Suspect tells the first,
// which is not armed any more. After Close it does nothing.
func (w *Waker) Arm(name string, waiter Waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	sl := w.slots[name]
	if sl == nil {
		sl = w.place(name)
	}
	switch sl.waiter {
	case waiter:
		return
	case nil:
		w.armed++
	default:
		sl.waiter.Suspect()
	}
	sl.waiter, sl.pause = waiter, time.Time{}
	if !sl.popping() {
		sl.shard.signal()
	}
}

// Disarm ends the waiting of waiter for name: after it returned Wake and Suspect neither
// run nor are called. An id that is popped for it all the same goes back.
func (w *Waker) Disarm(name string, waiter Waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if sl := w.slots[name]; sl != nil && (sl.waiter == nil || sl.waiter == waiter) {
		w.disarm(sl)
		sl.until = time.Time{}
		if !sl.popping() {
			w.remove(sl)
		}
		sl.shard.signal()
	}
}

// disarm takes the waiter away. The caller holds mu.
func (w *Waker) disarm(sl *slot) {
	if sl.waiter != nil {
		sl.waiter = nil
		w.armed--
	}
}

// place finds a shard for a name: the first that has room, so that the last ones
// empty. The caller holds mu.
func (w *Waker) place(name string) *slot {
	only := ""
	if w.cfg.Naming == contract.Tagged {
		only = name
	}
	i := slices.IndexFunc(w.shards, func(s *shard) bool { return s != nil && s.only == only && len(s.slots) < w.cfg.PerShard })
	if i < 0 {
		if i = slices.Index(w.shards, nil); i < 0 {
			i = len(w.shards)
			w.shards = append(w.shards, nil)
		}
		s := newShard(w, i, only)
		w.shards[i] = s
		w.running++
		go s.run()
	}
	s := w.shards[i]
	sl := &slot{name: name, key: w.key(name), shard: s}
	if r := w.returns[name]; r != nil {
		sl.hold = r.hold
	}
	s.slots = append(s.slots, sl)
	w.slots[name] = sl
	return sl
}

// remove gives a name's place up. The caller holds mu.
func (w *Waker) remove(sl *slot) {
	s := sl.shard
	i := slices.Index(s.slots, sl)
	s.slots = slices.Delete(s.slots, i, i+1)
	delete(w.slots, sl.name)
}

// popping reports whether the pop under way has the name among its keys. The
// caller holds mu.
func (sl *slot) popping() bool { return sl.shard.blocked && sl.pop == sl.shard.pop }

// leave tells that a shard or a return has ended. The caller holds mu.
func (w *Waker) leave() {
	w.running--
	w.finish()
}

func (w *Waker) finish() {
	if w.closed && w.running == 0 && !w.over {
		w.over = true
		close(w.done)
	}
}

// Close disarms every name, ends the blocked pops, puts what they still brought
// back, and returns when that is done and nothing runs any more. When ctx ends
// first it cuts everything off and returns the context's error: then ids can be
// lost as in a crash. Safe to call more than once.
func (w *Waker) Close(ctx context.Context) error {
	w.once.Do(func() {
		w.mu.Lock()
		w.closed = true
		for _, sl := range w.slots {
			w.disarm(sl)
		}
		w.finish()
		w.mu.Unlock()
		close(w.closing)
	})
	defer w.cut()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-w.done:
		return nil
	default:
	}
	w.cut()
	<-w.done
	return fmt.Errorf("wakeup: close: %w", ctx.Err())
}

// Stats returns the counters.
func (w *Waker) Stats() Stats {
	w.mu.Lock()
	armed := w.armed
	w.mu.Unlock()
	return Stats{
		Connections: int(w.connections.Load()),
		Names:       armed,
		Pops:        w.pops.Load(),
		Wakes:       w.wakes.Load(),
		Returned:    w.returned.Load(),
		Interrupts:  w.interrupts.Load(),
		Reconnects:  w.reconnects.Load(),
		Suspects:    w.suspicion.Load(),
	}
}

// key is the list of a name's ids.
func (w *Waker) key(name string) string { return contract.IDs.Of(w.cfg.Naming.Wire(name)) }

// control is the list whose pushes interrupt the pop of the shard with a number. In a
// cluster it has to be in the slot of the one name.
func (w *Waker) control(number int, only string) string {
	key := contract.Wake.Of(w.cfg.Instance) + ":" + strconv.Itoa(number)
	if only != "" {
		key += ":" + w.cfg.Naming.Wire(only)
	}
	return key
}

// log is the logger of one shard.
func (s *shard) log() *zap.Logger { return s.w.cfg.Logger.With(zap.Int("shard", s.number)) }
