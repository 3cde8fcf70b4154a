package queue

import (
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A taking is a take under way. Nobody can give it up: what it brings has to go
// somewhere.
type taking struct {
	wire.Request
	owner  *owner
	slot   int
	want   int
	upTo   uint64   // the newest getter it was sent for
	popped []string // ids that it begins with

	status int64
	short  bool // it found no more
	items  []Item
}

// Begin, Unbegin and Left implement wire.Command.
func (t *taking) Begin() bool   { return true }
func (t *taking) Unbegin() bool { return true }
func (t *taking) Left() bool    { return false }

// Decode implements wire.Command.
func (t *taking) Decode(r wire.Reader) error {
	if err := r.Array(3); err != nil {
		return err
	}
	var err error
	if t.status, err = r.Int(); err != nil {
		return err
	}
	empty, _, err := r.String()
	if err != nil {
		return err
	}
	t.short = empty == "1"
	t.items, err = readItems(r)
	return err
}

// Settle implements wire.Command.
func (t *taking) Settle(err error) {
	if err != nil {
		t.items = nil
	}
	t.owner.landed(t, err)
}

func readItems(r wire.Reader) ([]Item, error) {
	n, err := r.Rows(2, max(host.MaxPage, wire.MaxBatch))
	if err != nil || n == 0 {
		return nil, err
	}
	items := make([]Item, n)
	for i := range items {
		if items[i].ID, _, err = r.String(); err != nil {
			return nil, err
		}
		if items[i].Body, err = r.Bytes(); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// A returning is a return under way.
type returning struct {
	wire.Request
	owner  *owner
	items  []Item
	ids    []string
	status int64
}

// Begin, Unbegin and Left implement wire.Command.
func (r *returning) Begin() bool   { return true }
func (r *returning) Unbegin() bool { return true }
func (r *returning) Left() bool    { return false }

// Decode implements wire.Command.
func (r *returning) Decode(rd wire.Reader) (err error) {
	r.status, err = wire.Worst(rd, r.Groups)
	return err
}

// Settle implements wire.Command.
func (r *returning) Settle(err error) { r.owner.returned(r, err) }
