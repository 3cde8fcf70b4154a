package host

import (
	"context"
	"iter"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Get reads the items of the given ids through a script that answers each id with
// its item or null; nil stands for null. It reads 256 at a time.
func Get[C any](ctx context.Context, name *actor.Handle[C], want contract.Type, get *wire.Script, ids []string) ([][]byte, error) {
	bodies := make([][]byte, 0, len(ids))
	for len(ids) > 0 {
		some := ids[:min(len(ids), wire.MaxBatch)]
		args := wire.NewArgs(len(some), 32*len(some))
		for _, id := range some {
			if err := contract.CheckID(id); err != nil {
				return nil, Refused(err)
			}
			args = args.String(id)
		}
		c := wire.NewCall(get, len(some), args, readItems)
		c.ReadOnly = true
		found, err := actor.Ask[items](ctx, name, c)
		if err == nil {
			err = Refusal(found.status, want)
		}
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, found.bodies...)
		ids = ids[len(some):]
	}
	return bodies, nil
}

// GetOne is Get of one id; nil if there is none.
func GetOne[C any](ctx context.Context, h *Host, name *actor.Handle[C], want contract.Type, get *wire.Script, id string) ([]byte, error) {
	if err := contract.CheckID(id); err != nil {
		return nil, Refused(err)
	}
	c := h.gets.New(get, readItem, 1, len(id))
	defer h.gets.Free(c)
	c.Args = c.Args.String(id)
	c.ReadOnly = true
	found, err := actor.Ask[item](ctx, name, c)
	if err == nil {
		err = Refusal(found.status, want)
	}
	if err != nil {
		return nil, err
	}
	return found.body, nil
}

type item struct {
	body   []byte
	status int64
}

func readItem(r wire.Reader, _ int) (it item, err error) {
	it.body, it.status, err = r.BytesOrStatus()
	return it, err
}

type items struct {
	status int64
	bodies [][]byte
}

func readItems(r wire.Reader, groups int) (f items, err error) {
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

// Bounds of a page.
const (
	MaxPage   = 1000 // elements
	firstPage = 32
	pageBytes = 1 << 20
)

// A Pager chooses the size of pages after the size of the items seen so far.
type Pager struct{ seen, bytes int }

// Saw tells the pager about an item that was read.
func (p *Pager) Saw(body []byte) {
	p.seen++
	p.bytes += len(body)
}

// Size is how many items of the average size seen so far make a page.
func (p *Pager) Size() int {
	if p.seen == 0 {
		return firstPage
	}
	return min(max(pageBytes/(p.bytes/p.seen+1), 1), 16*p.seen, MaxPage)
}

// Pages ranges over what next reads page by page, until there is no more. After
// an error, which is the last thing it yields, the walk is over.
func Pages[T any](next func() (page []T, more bool, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for more := true; more; {
			var page []T
			var err error
			if page, more, err = next(); err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}
