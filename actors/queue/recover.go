package queue

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Items whose id is nowhere are what a process leaves behind that died between
// popping an id and taking its item. They are given back when they were seen so
// twice, some time apart (contract 6, maintenance): a peer takes in two steps too.

// leaseTime is how long one engine is the one that looks at a queue.
const leaseTime = time.Minute

// recover looks for lost items of a queue, in the background, unless it does so
// already.
func (k *Kind) recover(name string) {
	k.looking.Go(name, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, leaseTime)
		defer cancel()
		q := &Queue{kind: k, h: k.set.Handle(name)}
		n, err := q.recover(ctx, k.pause)
		switch {
		case err != nil && ctx.Err() == nil:
			k.host.Logger.Warn("looking for lost items failed", zap.String("queue", name), zap.Error(err))
		case n > 0:
			k.host.Logger.Info("items that a process had lost are back", zap.String("queue", name), zap.Int("items", n))
		}
	})
}

func (q *Queue) recover(ctx context.Context, pause time.Duration) (int, error) {
	held, err := q.lease(ctx, leaseTime)
	if err == nil && !held {
		return 0, nil
	}
	defer func() { // also after an error: it may be ours, and would keep everybody out
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = q.lease(ctx, 0)
	}()
	if err != nil {
		return 0, err
	}
	// An id that is just being taken makes a queue suspect for a moment.
	if !wait(ctx, pause) {
		return 0, ctx.Err()
	}
	if ids, items, err := q.counts(ctx); err != nil || items <= ids {
		return 0, err
	}
	lost, err := q.unaccounted(ctx)
	if err != nil || len(lost) == 0 || !wait(ctx, pause) {
		return 0, err
	}
	again, err := q.unaccounted(ctx)
	if err != nil {
		return 0, err
	}
	var both []string
	for id := range again {
		if lost[id] {
			both = append(both, id)
		}
	}
	return len(both), q.restore(ctx, both)
}

// unaccounted reads which items have no id, in pages. The queue changes
// meanwhile, so some of these are wrong.
func (q *Queue) unaccounted(ctx context.Context) (map[string]bool, error) {
	lost := make(map[string]bool)
	for cursor := ""; cursor != "0"; {
		if cursor == "" {
			cursor = "0"
		}
		c := wire.NewSingle(scan, 1, wire.NewArgs(1, 20).String(cursor), readScan)
		c.ReadOnly = true
		p, err := ask(ctx, q, c)
		if err == nil {
			err = host.Refusal(p.status, contract.TypeQueue)
		}
		if err != nil {
			return nil, err
		}
		for _, id := range p.ids {
			lost[id] = true
		}
		cursor = p.cursor
	}
	ids, err := q.IDs(ctx)
	for _, id := range ids {
		delete(lost, id)
	}
	return lost, err
}

type scanReply struct {
	status int64
	cursor string
	ids    []string
}

func readScan(r wire.Reader, _ int) (p scanReply, err error) {
	if err = r.Array(3); err != nil {
		return p, err
	}
	if p.status, err = r.Int(); err != nil {
		return p, err
	}
	if p.cursor, _, err = r.String(); err != nil {
		return p, err
	}
	p.ids, err = r.Strings()
	return p, err
}

// restore gives back the ids. One that is in the queue after all does no harm: who
// comes to it second finds no item and goes on.
func (q *Queue) restore(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		n := min(len(ids), wire.MaxBatch)
		args := wire.NewArgs(4*n, 40*n).Number()
		for i, id := range ids[:n] {
			if i > 0 {
				args = args.String("")
			}
			args = args.String(id).String("0").String("")
		}
		c := wire.NewCall(giveBack, n, args, wire.Worst)
		c.Numbered, c.Repeatable = true, true
		if _, err := ask(ctx, q, c); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// lease takes the maintenance lease of the queue for d, or gives it up.
func (q *Queue) lease(ctx context.Context, d time.Duration) (bool, error) {
	c := wire.NewCall(lease, 1, wire.NewArgs(2, 48).String(q.kind.host.Instance).Int(d.Milliseconds()), wire.Worst)
	c.Repeatable = true
	n, err := ask(ctx, q, c)
	return n == 1, err
}

// wait reports false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
