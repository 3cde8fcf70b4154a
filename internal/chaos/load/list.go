package load

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

func (p *process) listWriters() {
	p.callers(1, func(c *caller) func() {
		w := &listWriter{caller: c}
		if !w.begin() {
			return nil
		}
		return func() {
			if w.broken && !w.begin() {
				return
			}
			w.write()
		}
	})
}

// A listWriter is the only writer of a sorted feed. When it does not know any more what is there, for an insert may still
// take effect, it leaves the list and begins another.
type listWriter struct {
	*caller
	list   *sorted.Sorted
	lists  int
	ids    []string // its items, in no order
	shared bool     // others write too: it goes on, and leaves the item alone
	broken bool
}

func (w *listWriter) begin() (ok bool) {
	if w.list != nil && w.Tidy {
		w.delete(w.list.Name())
	}
	w.lists++
	name := fmt.Sprintf("%s.%s.%d", List, w.Process, w.lists)
	w.list, ok = opening(w.caller, name, func(ctx context.Context) (*sorted.Sorted, error) {
		return w.eng.Sorted(ctx, name, sorted.Config{})
	})
	w.ids, w.broken = nil, false
	return ok
}

// delete deletes a list that was left.
func (w *listWriter) delete(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	_ = w.call(ctx, ledger.Record{Do: "delete", Name: name}, func(*ledger.Record) error { return w.eng.Delete(ctx, name) })
}

func (w *listWriter) any() string { return w.ids[w.rnd.IntN(len(w.ids))] }

func (w *listWriter) position() (at sorted.Position, text string) {
	at, text = sorted.Last, "last"
	switch n := w.rnd.IntN(4); {
	case n == 0:
		at, text = sorted.First, "first"
	case n == 1 && len(w.ids) > 0:
		id := w.any()
		at, text = sorted.Before(id), "before "+id
	case n == 2 && len(w.ids) > 0:
		id := w.any()
		at, text = sorted.After(id), "after "+id
	}
	return at, text
}

func (w *listWriter) write() {
	ctx, cancel := w.patient()
	defer cancel()
	r := ledger.Record{Name: w.list.Name()}
	var do func(end *ledger.Record) error
	var id string
	n := w.rnd.IntN(8)
	if len(w.ids) == 0 {
		n = 0
	} else {
		id = w.any()
	}
	if len(w.ids) > mostItems {
		n = 7
	}
	switch {
	case n < 4:
		at, text := w.position()
		r.Do, r.Bodies, r.Tokens = "insert", []string{w.body()}, []string{text}
		do = func(end *ledger.Record) error {
			id, err := w.list.Insert(ctx, []byte(r.Bodies[0]), at)
			if err == nil {
				end.IDs = []string{id}
				w.ids = append(w.ids, id)
			}
			return err
		}
	case n == 4:
		r.Do, r.IDs, r.Bodies = "edit", []string{id}, []string{w.body()}
		do = func(*ledger.Record) error { return w.list.Edit(ctx, id, []byte(r.Bodies[0])) }
	case n < 7:
		at, text := w.position()
		r.Do, r.IDs, r.Tokens = "move", []string{id}, []string{text}
		do = func(*ledger.Record) error { return w.list.Move(ctx, id, at) }
	default:
		r.Do, r.IDs = "retract", []string{id}
		do = func(*ledger.Record) error {
			err := w.list.Retract(ctx, id)
			if err == nil {
				w.ids = slices.DeleteFunc(w.ids, func(x string) bool { return x == id })
			}
			return err
		}
	}
	w.broken = isUnknown(w.call(ctx, r, do))
	if w.broken && w.shared && len(r.IDs) > 0 {
		w.ids = slices.DeleteFunc(w.ids, func(x string) bool { return x == r.IDs[0] })
	}
}
