package sorted

import (
	"context"
	"iter"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Get returns the body of an item; ErrNotFound if there is none of that id.
func (s *Sorted) Get(ctx context.Context, id string) ([]byte, error) {
	body, err := host.GetOne(ctx, s.kind.host, s.h, contract.TypeSorted, get, id)
	if err == nil && body == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, s.wrap("get", err)
	}
	return body, nil
}

// GetMany returns the items of the given ids, in that order, without those that
// are not there. It reads 256 at a time.
func (s *Sorted) GetMany(ctx context.Context, ids []string) ([]Item, error) {
	bodies, err := host.Get(ctx, s.h, contract.TypeSorted, get, ids)
	if err != nil {
		return nil, s.wrap("get", err)
	}
	items := make([]Item, 0, len(ids))
	for i, body := range bodies {
		if body != nil {
			items = append(items, Item{ID: ids[i], Body: body})
		}
	}
	return items, nil
}

// Len returns the number of ids in the list.
func (s *Sorted) Len(ctx context.Context) (int, error) {
	a, err := s.ask(ctx, length, wire.NewArgs(1, 0).String(""))
	return int(max(a.status, 0)), s.wrap("length", err)
}

// Index returns the place of an item in the list, counted from 0. ErrNotFound:
// there is no such item, or a peer lost its id from the list.
func (s *Sorted) Index(ctx context.Context, id string) (int, error) {
	if err := contract.CheckID(id); err != nil {
		return 0, s.wrap("index", host.Refused(err))
	}
	a, err := s.ask(ctx, index, wire.NewArgs(1, len(id)).String(id))
	if err != nil {
		return 0, s.wrap("index", err)
	}
	return int(a.status) - 1, nil
}

// All ranges over the items in order, in pages: the list may change meanwhile.
// What stays in the list the whole time and is not moved is seen once. What is
// added, retracted or moved meanwhile is seen at most once. Ids without an item are
// left out. It remembers the ids that it has seen. After an error, which is the
// last thing it yields, the walk is over.
//
// To see the list as it was at one moment, and what happened to it since, Follow
// with a snapshot.
func (s *Sorted) All(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		w := walk{sorted: s, bodies: true}
		host.Pages(func() ([]Item, bool, error) {
			items, more, err := w.next(ctx)
			return items, more, s.wrap("all", err)
		})(yield)
	}
}

// IDs returns the ids in order, also those without an item, read in pages like
// All.
func (s *Sorted) IDs(ctx context.Context) ([]string, error) {
	w := walk{sorted: s}
	var ids []string
	for more := true; more; {
		var items []Item
		var err error
		if items, more, err = w.next(ctx); err != nil {
			return nil, s.wrap("ids", err)
		}
		for _, it := range items {
			ids = append(ids, it.ID)
		}
	}
	return ids, nil
}
