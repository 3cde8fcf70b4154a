package queue

import (
	"context"
	"errors"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// ErrInvalidCount is returned for a number of items below 1.
var ErrInvalidCount = errors.New("queue: invalid count")

// Len returns how many items wait: the length of the list of ids, some of which a
// peer may have left without an item.
func (q *Queue) Len(ctx context.Context) (int, error) {
	n, _, err := q.counts(ctx)
	return n, q.wrap("length", err)
}

// counts are the ids that wait, and the items.
func (q *Queue) counts(ctx context.Context) (ids, items int, err error) {
	c := wire.NewCall(length, 2, wire.NewArgs(2, 2).String("0").String("1"), func(r wire.Reader, _ int) (n [2]int64, err error) {
		if n[0], err = r.Int(); err != nil {
			return n, err
		}
		n[1], err = r.Int()
		return n, err
	})
	c.ReadOnly = true
	n, err := ask(ctx, q, c)
	if err == nil {
		err = host.Refusal(n[0], contract.TypeQueue)
	}
	return int(max(n[0], 0)), int(max(n[1], 0)), err
}

// Peek returns up to n of the items that are next, without taking them.
func (q *Queue) Peek(ctx context.Context, n int) ([]Item, error) {
	var items []Item
	w := walk{queue: q, bodies: true}
	for more := true; more && len(items) < n; {
		var some []Item
		var err error
		if some, more, err = w.next(ctx, n-len(items)); err != nil {
			return nil, q.wrap("peek", err)
		}
		items = append(items, some...)
	}
	return items, nil
}

// IDs returns the ids of what waits, from the one that is next. It reads in pages:
// what is put or taken meanwhile may be missing, or be there twice.
func (q *Queue) IDs(ctx context.Context) ([]string, error) {
	w := walk{queue: q}
	var ids []string
	for it, err := range host.Pages(func() ([]Item, bool, error) { return w.next(ctx, host.MaxPage) }) {
		if err != nil {
			return nil, q.wrap("ids", err)
		}
		ids = append(ids, it.ID)
	}
	return ids, nil
}

// Purge throws away everything that waits, in one step, and returns how many items
// that were; 0 when its first reply was lost, for then nobody knows. Getters go on
// waiting.
func (q *Queue) Purge(ctx context.Context) (int, error) {
	c := wire.NewCall(purge, 1, wire.NewArgs(1, 16).Number(), wire.Worst)
	c.Numbered, c.Repeatable = true, true
	n, err := ask(ctx, q, c)
	return int(max(n, 0)), q.wrap("purge", err)
}

// A walk reads what waits page by page, by its distance from the right end.
type walk struct {
	queue  *Queue
	bodies bool // else ids only
	passed int
	pager  host.Pager
}

func (w *walk) next(ctx context.Context, n int) (items []Item, more bool, err error) {
	n, read := min(n, host.MaxPage), "0"
	if w.bodies {
		n, read = min(n, w.pager.Size()), "1"
	}
	c := wire.NewSingle(page, 3, wire.NewArgs(3, 48).Int(int64(w.passed)).Int(int64(n)).String(read), readPage)
	c.ReadOnly = true
	p, err := ask(ctx, w.queue, c)
	if err == nil {
		err = host.Refusal(p.status, contract.TypeQueue)
	}
	if err != nil {
		return nil, false, err
	}
	w.passed += int(p.looked)
	for _, it := range p.items {
		w.pager.Saw(it.Body)
	}
	return p.items, p.more == 1, nil
}

type pageReply struct {
	status, looked, more int64
	items                []Item
}

func readPage(r wire.Reader, _ int) (p pageReply, err error) {
	if err = r.Array(4); err != nil {
		return p, err
	}
	if p.status, err = r.Int(); err != nil {
		return p, err
	}
	if p.looked, err = r.Int(); err != nil {
		return p, err
	}
	if p.more, err = r.Int(); err != nil {
		return p, err
	}
	p.items, err = readItems(r)
	return p, err
}
