package load

import (
	"context"
	"errors"
	"time"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

func (c *caller) queue(name string) (*queue.Queue, bool) {
	return opening(c, name, func(ctx context.Context) (*queue.Queue, error) { return c.eng.Queue(ctx, name, queue.Config{}) })
}

func (p *process) queueProducers() {
	p.callers(3, func(c *caller) func() {
		q, ok := c.queue(Queue)
		if !ok {
			return nil
		}
		return func() { c.put(q) }
	})
}

// put puts an item, or some.
func (c *caller) put(q *queue.Queue) {
	ctx, cancel := c.patient()
	defer cancel()
	var opts []queue.PutOptions
	if c.chance(10) {
		opts = append(opts, queue.PutOptions{Priority: queue.High})
	}
	bodies := []string{c.body()}
	if c.chance(4) {
		for range c.rnd.IntN(12) {
			bodies = append(bodies, c.body())
		}
	}
	_ = c.call(ctx, ledger.Record{Do: "put", Name: q.Name(), Bodies: bodies}, func(end *ledger.Record) error {
		if len(bodies) == 1 {
			_, err := q.Put(ctx, []byte(bodies[0]), opts...)
			return err
		}
		outcomes, err := q.PutMany(ctx, raw(bodies), opts...)
		for _, o := range outcomes {
			what, _ := outcome(o.Err)
			end.Outcomes = append(end.Outcomes, what)
		}
		return err
	})
}

func raw(bodies []string) [][]byte {
	out := make([][]byte, len(bodies))
	for i, b := range bodies {
		out[i] = []byte(b)
	}
	return out
}

// queueWorkers take in all ways that there are, until the engine is closed.
func (p *process) queueWorkers() {
	for range 6 {
		c := p.caller()
		p.waiters.Go(func() {
			q, ok := c.queue(Queue)
			for ok {
				ok = c.take(q)
			}
		})
	}
}

func (c *caller) take(q *queue.Queue) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.rnd.IntN(300))*time.Millisecond)
	if c.chance(5) {
		ctx, cancel = context.WithTimeout(context.Background(), time.Duration(c.rnd.IntN(3000))*time.Microsecond)
	}
	defer cancel()
	n := 1 + c.rnd.IntN(10)*c.rnd.IntN(2)
	err := c.call(ctx, ledger.Record{Do: "get", Name: q.Name(), Number: int64(n)}, func(end *ledger.Record) error {
		var items []queue.Item
		var it queue.Item
		var err error
		switch {
		case n > 1:
			items, err = q.GetUpTo(ctx, n, time.Duration(c.rnd.IntN(3))*time.Millisecond)
		case c.chance(3):
			it, err = q.TryGet(ctx)
		default:
			it, err = q.Get(ctx)
		}
		if n == 1 && err == nil {
			items = []queue.Item{it}
		}
		for _, it := range items {
			end.Bodies = append(end.Bodies, string(it.Body))
			end.IDs = append(end.IDs, it.ID)
		}
		return err
	})
	if errors.Is(err, queue.ErrEmpty) {
		c.pause() // others may ask again at once, but this is a loop
	}
	return !errors.Is(err, engine.ErrStopped)
}
