package sorted

import (
	"context"
	"fmt"

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
	anchors      []string // pairs; see page.lua
	wanted       []string // at most host.MaxPage
}

type pageReply struct {
	status  int64
	mark    string // what was published
	index   int    // of the first row
	length  int    // of the list
	counter string // the last id that was given away
	rows    []Item // without a body where there is no item
	wanted  []Item // the same for the ids asked for
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
	if err == nil {
		list := len(r.rows) - len(p.wanted)
		r.rows, r.wanted = r.rows[:list], r.rows[list:]
	}
	return r, err
}

func readPage(r wire.Reader, _ int) (p pageReply, err error) {
	n, err := r.Len()
	if err != nil {
		return p, err
	}
	if n < 5 || n > 5+4*host.MaxPage {
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
	p.rows = make([]Item, (n-5)/2)
	for i := range p.rows {
		if p.rows[i].ID, _, err = r.String(); err != nil {
			return p, err
		}
		if p.rows[i].Body, err = r.Bytes(); err != nil {
			return p, err
		}
	}
	return p, nil
}

// trailLength is how many ids a walk can go back by its anchors.
const trailLength = 513

// A walk reads a sorted feed page by page. The list may change between two pages,
// also in front of the index where the second begins: the ids read last are its
// anchors, and what it comes across again is passed over.
type walk struct {
	sorted *Sorted
	bodies bool // else ids only
	index  int
	pager  host.Pager
	trail  []string // the ids read last, as they stood one behind the other
	seen   map[string]struct{}
}

// next reads the next page. more is false at the end.
func (w *walk) next(ctx context.Context) (items []Item, more bool, err error) {
	p := pageCall{index: w.index, count: host.MaxPage, bodies: w.bodies, anchors: w.anchors()}
	if w.bodies {
		p.count = max(w.pager.Size(), 2) // of one alone there is no pair
	}
	r, err := w.sorted.page(ctx, p)
	if err != nil {
		return nil, false, err
	}
	if w.seen == nil {
		w.seen = make(map[string]struct{}, len(r.rows))
	}
	if r.index != w.index {
		w.trail = w.trail[:0]
	}
	for _, it := range r.rows {
		w.trail = append(w.trail, it.ID)
		w.pager.Saw(it.Body)
		if _, ok := w.seen[it.ID]; ok {
			continue
		}
		w.seen[it.ID] = struct{}{}
		if it.Body != nil {
			items = append(items, it)
		}
	}
	w.trail = append(w.trail[:0], w.trail[max(0, len(w.trail)-trailLength):]...)
	w.index = r.index + len(r.rows)
	return items, len(r.rows) > 0 && w.index < r.length, nil
}

// anchors are pairs from the trail: the last one, and others at a distance of 1, 2,
// 4 and so on.
func (w *walk) anchors() []string {
	var pairs []string
	for back := 1; back < len(w.trail); back *= 2 {
		at := len(w.trail) - back
		pairs = append(pairs, w.trail[at], w.trail[at-1])
	}
	return pairs
}
