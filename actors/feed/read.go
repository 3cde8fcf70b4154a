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
	body, err := host.GetOne(ctx, f.kind.host, f.h, contract.TypeFeed, get, id)
	if err == nil && body == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, f.wrap("get", err)
	}
	return body, nil
}

// GetMany returns the items of the given ids, in that order, without those that
// are not there. It reads 256 at a time.
func (f *Feed) GetMany(ctx context.Context, ids []string) ([]Item, error) {
	found, err := host.Get(ctx, f.h, contract.TypeFeed, get, ids)
	if err != nil {
		return nil, f.wrap("get", err)
	}
	items := make([]Item, 0, len(ids))
	for i, body := range found {
		if body != nil {
			items = append(items, Item{ID: ids[i], Body: body})
		}
	}
	return items, nil
}

// Has reports whether an item of that id is in the feed.
func (f *Feed) Has(ctx context.Context, id string) (bool, error) {
	if err := contract.CheckID(id); err != nil {
		return false, f.wrap("has", host.Refused(err))
	}
	c := wire.NewCall(has, 1, wire.NewArgs(1, len(id)).String(id), wire.Worst)
	c.ReadOnly = true
	n, err := ask(ctx, f, c)
	return n == 1, f.wrap("has", err)
}

// Len returns the number of items.
func (f *Feed) Len(ctx context.Context) (int, error) {
	c := wire.NewCall(length, 1, wire.NewArgs(1, 0).String(""), wire.Worst)
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
		host.Pages(func() ([]Item, bool, error) {
			items, more, err := w.next(ctx, host.MaxPage)
			return items, more, f.wrap("all", err)
		})(yield)
	}
}

// IDs returns the ids in feed order, oldest first, read in pages like All.
func (f *Feed) IDs(ctx context.Context) ([]string, error) {
	w := walk{feed: f}
	var ids []string
	for more := true; more; {
		var items []Item
		var err error
		if items, more, err = w.next(ctx, host.MaxPage); err != nil {
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
