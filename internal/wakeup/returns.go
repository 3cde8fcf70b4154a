package wakeup

import (
	"slices"
	"time"

	"github.com/mediocregopher/radix/v4"
	"go.uber.org/zap"
)

// perReturn bounds the ids of one RPUSH.
const perReturn = 512

// returning is the ids of one name that are on their way back, as the arguments of
// RPUSH: the last is the next to be taken.
type returning struct {
	ids  []string
	hold time.Time
}

// Return puts ids, given in the order in which they were popped, back to the right
// end of the name's list: the first is the next to be taken. It does not wait; the
// push is repeated until it succeeds, or until Close has ended. A push whose reply
// was lost runs twice, which is harmless: takers skip an id without an item.
func (w *Waker) Return(name string, ids ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.giveBack(name, ids...)
}

// giveBack is Return. The caller holds mu.
//
// An armed name is left out of pops until its ids are back, which keeps their
// order, but not for long: where Redis is out of memory it takes no ids back before
// somebody takes others.
func (w *Waker) giveBack(name string, ids ...string) {
	if len(ids) == 0 {
		return
	}
	if w.over {
		w.cfg.Logger.Warn("ids were returned after the waker was closed, and are lost",
			zap.String("name", name), zap.Int("ids", len(ids)))
		return
	}
	r := w.returns[name]
	if r == nil {
		r = &returning{hold: time.Now().Add(holdAtMost)}
		w.returns[name] = r
		w.running++
		go w.bringBack(name, r)
	}
	for _, id := range slices.Backward(ids) {
		r.ids = append(r.ids, id)
	}
	if sl := w.slots[name]; sl != nil {
		sl.hold = r.hold
	}
}

// bringBack runs until all ids are back.
func (w *Waker) bringBack(name string, r *returning) {
	key := w.key(name)
	for {
		ids := w.nextReturn(name, r)
		if ids == nil {
			return
		}
		for failures := 0; ; failures++ {
			err := w.do(radix.Cmd(nil, "RPUSH", append([]string{key}, ids...)...))
			if err == nil {
				w.returned.Add(uint64(len(ids)))
				break
			}
			log := w.cfg.Logger.With(zap.String("name", name), zap.Int("ids", len(ids)), zap.Error(err))
			if isError(err, "WRONGTYPE") {
				log.Debug("ids were not returned: the name is something else now")
				break
			}
			if failures == 0 && isError(err) {
				log.Warn("ids cannot be returned now")
			}
			if !sleep(w.ctx, backoff(failures)) {
				log.Warn("ids could not be returned before the waker was cut off, and are lost")
				break
			}
		}
	}
}

// nextReturn is what bringBack sends next; nil: nothing, it has ended.
func (w *Waker) nextReturn(name string, r *returning) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := min(len(r.ids), perReturn); n > 0 {
		ids := r.ids[:n:n]
		r.ids = r.ids[n:]
		return ids
	}
	delete(w.returns, name)
	if sl := w.slots[name]; sl != nil {
		sl.hold = time.Time{}
		sl.shard.signal()
	}
	w.leave()
	return nil
}
