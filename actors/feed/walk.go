package feed

import (
	"context"
	"fmt"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A walk reads a feed page by page, behind a cursor that holds while the feed
// changes.
type walk struct {
	feed   *Feed
	bodies bool   // else ids only
	back   bool   // newest first
	only   string // the only id to read, or empty
	marker string // channel, or empty
	number int    // of the page
	mark   string // what the page published on marker

	score, id string // the last item read
	pager     host.Pager
}

// next reads the next page of at most n items. With a marker it announces the
// page there in the same step. more is false at the end.
func (w *walk) next(ctx context.Context, n int) (items []Item, more bool, err error) {
	direction, read := "+", "0"
	if w.back {
		direction = "-"
	}
	if w.bodies {
		read = "1"
		n = min(n, w.pager.Size())
	}
	args := wire.NewArgs(8, len(w.score)+len(w.id)+len(w.marker)+len(w.only)+64).String(direction).
		String(w.score).String(w.id).Int(int64(min(n, host.MaxPage))).String(read).
		String(w.marker).Int(int64(w.number)).String(w.only)
	c := wire.NewSingle(page, 8, args, readPage)
	c.ReadOnly = true
	p, err := ask(ctx, w.feed, c)
	if err == nil {
		err = host.Refusal(p.status, contract.TypeFeed)
	}
	if err != nil {
		return nil, false, err
	}
	w.score, w.id, w.mark = p.score, p.id, p.mark
	for _, it := range p.items {
		w.pager.Saw(it.Body)
	}
	return p.items, p.id != "", nil
}

type pageReply struct {
	status    int64
	score, id string
	mark      string
	items     []Item
}

func readPage(r wire.Reader, _ int) (p pageReply, err error) {
	n, err := r.Len()
	if err != nil {
		return p, err
	}
	if n < 4 || n%2 != 0 || n > 4+2*host.MaxPage {
		return p, fmt.Errorf("a page of %d elements", n)
	}
	if p.status, err = r.Int(); err != nil {
		return p, err
	}
	if p.score, _, err = r.String(); err != nil {
		return p, err
	}
	if p.id, _, err = r.String(); err != nil {
		return p, err
	}
	if p.mark, _, err = r.String(); err != nil {
		return p, err
	}
	p.items = make([]Item, (n-4)/2)
	for i := range p.items {
		if p.items[i].ID, _, err = r.String(); err != nil {
			return p, err
		}
		if p.items[i].Body, err = r.Bytes(); err != nil {
			return p, err
		}
	}
	return p, nil
}
