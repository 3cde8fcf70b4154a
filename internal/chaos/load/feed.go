package load

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

func (c *caller) feed(name string, cfg feed.Config) (*feed.Feed, bool) {
	return opening(c, name, func(ctx context.Context) (*feed.Feed, error) { return c.eng.Feed(ctx, name, cfg) })
}

func (p *process) publishers() {
	p.callers(2, func(c *caller) func() {
		f, ok := c.feed(Feed, feed.Config{})
		if !ok {
			return nil
		}
		w := &writer{caller: c, feed: f}
		return w.write
	})
	for _, name := range []string{Ring, News} {
		p.callers(2, func(c *caller) func() {
			f, ok := c.feed(name, feed.Config{MaxLength: map[string]int{Ring: Bound, News: NewsBound}[name]})
			if !ok {
				return nil
			}
			return func() { c.publish(f, "") }
		})
	}
}

// publish publishes an item under a generated id, or the given one.
func (c *caller) publish(f *feed.Feed, id string) (string, error) {
	ctx, cancel := c.patient()
	defer cancel()
	body := c.body()
	r := ledger.Record{Do: "publish", Name: f.Name(), Bodies: []string{body}}
	if id != "" {
		r.IDs = []string{id}
	}
	err := c.call(ctx, r, func(end *ledger.Record) (err error) {
		if id != "" {
			return f.PublishAs(ctx, id, []byte(body))
		}
		if id, err = f.Publish(ctx, []byte(body)); err == nil {
			end.IDs = []string{id}
		}
		return err
	})
	return id, err
}

// A writer publishes items that only it touches, and keeps to few. An id whose state it does not know any more, for a call
// about it may still take effect, it leaves alone.
type writer struct {
	*caller
	feed *feed.Feed
	ids  []string
}

const mostItems = 30

func (w *writer) write() {
	switch n := len(w.ids); {
	case n > 0 && (n > mostItems || w.chance(4)):
		w.retract(w.rnd.IntN(n))
	case n > 0 && w.chance(4):
		i := w.rnd.IntN(n)
		if _, err := w.publish(w.feed, w.ids[i]); isUnknown(err) {
			w.forget(i)
		}
	default:
		if id, err := w.publish(w.feed, ""); err == nil {
			w.ids = append(w.ids, id)
		}
	}
}

func (w *writer) retract(i int) {
	ctx, cancel := w.patient()
	defer cancel()
	err := w.call(ctx, ledger.Record{Do: "retract", Name: w.feed.Name(), IDs: []string{w.ids[i]}}, func(*ledger.Record) error {
		return w.feed.Retract(ctx, w.ids[i])
	})
	if err == nil || isUnknown(err) {
		w.forget(i)
	}
}

func (w *writer) forget(i int) { w.ids = append(w.ids[:i], w.ids[i+1:]...) }

func isUnknown(err error) bool {
	what, _ := outcome(err)
	return what == ledger.Unknown
}
