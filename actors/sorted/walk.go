package sorted

import (
	"context"
	"fmt"
	"slices"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A pageCall is what a page is asked for: a part of the list, items by their ids,
// a marker that is published in the same step.
type pageCall struct {
	index, count int
	bodies       bool // else ids only
	channel      string
	marker       string
	anchors      []string // see page.lua
	wanted       []string // at most host.MaxPage
}

type pageReply struct {
	status  int64
	mark    string // what was published
	index   int    // of the first row
	length  int    // of the list
	counter string // the last id that was given away
	wanted  []Item // the first of those asked for; without a body where there is no item
	rows    []Item // the same for the list
}

func (s *Sorted) page(ctx context.Context, p pageCall) (pageReply, error) {
	size := len(p.channel) + len(p.marker) + 64
	for _, list := range [][]string{p.anchors, p.wanted} {
		for _, id := range list {
			size += len(id)
		}
	}
	n := 6 + len(p.anchors) + len(p.wanted)
	bodies := "0"
	if p.bodies {
		bodies = "1"
	}
	args := wire.NewArgs(n, size).Int(int64(p.index)).Int(int64(p.count)).String(bodies).
		String(p.channel).String(p.marker).Int(int64(len(p.anchors)))
	for _, id := range p.anchors {
		args = args.String(id)
	}
	for _, id := range p.wanted {
		args = args.String(id)
	}
	c := wire.NewSingle(page, n, args, readPage)
	c.ReadOnly = true
	r, err := actor.Ask[pageReply](ctx, s.h, c)
	if err == nil {
		err = host.Refusal(r.status, contract.TypeSorted)
	}
	return r, err
}

func readPage(r wire.Reader, _ int) (p pageReply, err error) {
	n, err := r.Len()
	if err != nil {
		return p, err
	}
	if n < 6 || n%2 != 0 || n > 6+4*host.MaxPage {
		return p, fmt.Errorf("a page of %d elements", n)
	}
	if p.status, err = r.Int(); err != nil {
		return p, err
	}
	if p.mark, _, err = r.String(); err != nil {
		return p, err
	}
	for _, v := range []*int{&p.index, &p.length} {
		i, err := r.Int()
		if err != nil {
			return p, err
		}
		*v = int(i)
	}
	if p.counter, _, err = r.String(); err != nil {
		return p, err
	}
	wanted, err := r.Int()
	if err != nil {
		return p, err
	}
	list := make([]Item, (n-6)/2)
	for i := range list {
		if list[i].ID, _, err = r.String(); err != nil {
			return p, err
		}
		if list[i].Body, err = r.Bytes(); err != nil {
			return p, err
		}
	}
	if wanted < 0 || int(wanted) > len(list) {
		return p, fmt.Errorf("a page of %d items with %d of them by id", len(list), wanted)
	}
	p.wanted, p.rows = list[:wanted], list[wanted:]
	return p, nil
}

// trailLength is how far the list may shift between two pages of a walk without
// making it go through the list again.
const trailLength = 64

// A walk reads a sorted feed page by page. The list may change between two pages,
// also in front of the index where the second begins: the ids read last are its
// anchors, and what it comes across again is passed over.
type walk struct {
	sorted *Sorted
	bodies bool // else ids only
	index  int
	pager  host.Pager
	trail  []string // the ids read last
	seen   map[string]bool
	again  bool // it goes over what it has seen: read ids only
}

// next reads the next page. more is false at the end.
func (w *walk) next(ctx context.Context) (items []Item, more bool, err error) {
	p := pageCall{index: w.index, count: host.MaxPage, bodies: w.bodies && !w.again}
	for _, id := range slices.Backward(w.trail) {
		p.anchors = append(p.anchors, id)
	}
	if p.bodies {
		p.count = w.pager.Size()
	}
	r, err := w.sorted.page(ctx, p)
	if err != nil {
		return nil, false, err
	}
	rows := r.rows
	if w.again {
		// What has not been seen is read by the next page, with its items.
		if n := slices.IndexFunc(rows, func(it Item) bool { return !w.seen[it.ID] }); n >= 0 {
			rows, w.again = rows[:n], false
		}
	}
	if r.index != w.index {
		w.trail = nil
	}
	w.index = r.index + len(rows)
	fresh := w.pass(rows)
	if p.bodies {
		w.again = len(fresh) == 0 && len(rows) > 0
		for _, it := range rows {
			w.pager.Saw(it.Body)
		}
	}
	for _, it := range fresh {
		if it.Body != nil {
			items = append(items, it)
		}
	}
	return items, w.index < r.length, nil
}

// pass notes what was read and returns what had not been seen.
func (w *walk) pass(rows []Item) (fresh []Item) {
	if w.seen == nil {
		w.seen = make(map[string]bool, len(rows))
	}
	for _, it := range rows {
		w.trail = append(w.trail, it.ID)
		if !w.seen[it.ID] {
			w.seen[it.ID] = true
			fresh = append(fresh, it)
		}
	}
	w.trail = slices.Clone(w.trail[max(0, len(w.trail)-trailLength):])
	return fresh
}
