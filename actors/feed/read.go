package feed

import (
	"context"
	"iter"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Get returns the body of an item; ErrNotFound if there is none of that id.
func (f *Feed) Get(ctx context.Context, id string) ([]byte, error) {
	found, err := f.getMany(ctx, []string{id})
	if err == nil && found[0] == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, f.wrap("get", err)
	}
	return found[0], nil
}

// GetMany returns the items of the given ids, in that order, without those that
// are not there. It reads 256 at a time.
func (f *Feed) GetMany(ctx context.Context, ids []string) ([]Item, error) {
	items := make([]Item, 0, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), wire.MaxBatch)
		found, err := f.getMany(ctx, ids[:n])
		if err != nil {
			return nil, f.wrap("get", err)
		}
		for i, body := range found {
			if body != nil {
				items = append(items, Item{ID: ids[i], Body: body})
			}
		}
		ids = ids[n:]
	}
	return items, nil
}

func (f *Feed) getMany(ctx context.Context, ids []string) ([][]byte, error) {
	args := wire.NewArgs(len(ids), 32*len(ids))
	for _, id := range ids {
		if err := contract.CheckID(id); err != nil {
			return nil, host.Refused(err)
		}
		args = args.String(id)
	}
	c := wire.NewCall(get, len(ids), args, bodies)
	c.ReadOnly = true
	found, err := ask(ctx, f, c)
	if err == nil {
		err = host.Refusal(found.status, contract.TypeFeed)
	}
	return found.bodies, err
}

type found struct {
	status int64
	bodies [][]byte
}

func bodies(r wire.Reader, groups int) (f found, err error) {
	f.bodies = make([][]byte, groups)
	for i := range groups {
		var status int64
		if f.bodies[i], status, err = r.BytesOrStatus(); err != nil {
			return f, err
		}
		f.status = min(f.status, status)
	}
	return f, nil
}

// Has reports whether an item of that id is in the feed.
func (f *Feed) Has(ctx context.Context, id string) (bool, error) {
	if err := contract.CheckID(id); err != nil {
		return false, f.wrap("has", host.Refused(err))
	}
	c := wire.NewCall(has, 1, wire.NewArgs(1, len(id)).String(id), worst)
	c.ReadOnly = true
	n, err := ask(ctx, f, c)
	return n == 1, f.wrap("has", err)
}

// Len returns the number of items.
func (f *Feed) Len(ctx context.Context) (int, error) {
	c := wire.NewCall(length, 1, wire.NewArgs(1, 0).String(""), worst)
	c.ReadOnly = true
	n, err := ask(ctx, f, c)
	return int(max(n, 0)), f.wrap("length", err)
}

// All ranges over the items in feed order, oldest first, in pages: the feed may
// change meanwhile. Whatever stays in the feed for the whole time is seen; an item
// that is edited meanwhile moves to the end and may be seen a second time there.
// After an error, which is the last thing it yields, the walk is over.
func (f *Feed) All(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		w := walk{feed: f, bodies: true}
		for more := true; more; {
			var items []Item
			var err error
			if items, more, err = w.next(ctx, maxPage); err != nil {
				yield(Item{}, f.wrap("all", err))
				return
			}
			for _, it := range items {
				if !yield(it, nil) {
					return
				}
			}
		}
	}
}

// IDs returns the ids in feed order, oldest first, read in pages like All.
func (f *Feed) IDs(ctx context.Context) ([]string, error) {
	w := walk{feed: f}
	var ids []string
	for more := true; more; {
		var items []Item
		var err error
		if items, more, err = w.next(ctx, maxPage); err != nil {
			return nil, f.wrap("ids", err)
		}
		for _, it := range items {
			ids = append(ids, it.ID)
		}
	}
	return ids, nil
}

// Newest returns up to n items, newest first.
func (f *Feed) Newest(ctx context.Context, n int) ([]Item, error) {
	return f.first(ctx, "newest", walk{feed: f, bodies: true, back: true}, n)
}

// Oldest returns up to n items, oldest first.
func (f *Feed) Oldest(ctx context.Context, n int) ([]Item, error) {
	return f.first(ctx, "oldest", walk{feed: f, bodies: true}, n)
}

func (f *Feed) first(ctx context.Context, op string, w walk, n int) ([]Item, error) {
	var items []Item
	for more := true; more && len(items) < n; {
		var some []Item
		var err error
		if some, more, err = w.next(ctx, n-len(items)); err != nil {
			return nil, f.wrap(op, err)
		}
		items = append(items, some...)
	}
	return items, nil
}
