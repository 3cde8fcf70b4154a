package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/load"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/wire"
)

func init() {
	register(Scenario{
		Name: "queue/get",
		Doc:  "many getters drain one queue that was filled before, one item per call",
		Systems: map[string]System{
			report.Thoonk:  drainThoonk,
			report.Ceiling: drainCeiling,
			report.Radix:   drainRadix,
		},
	})
}

// A drain is a queue full of items, and which of them have been taken.
type drain struct {
	puts    *prebuilt
	items   int64
	tickets atomic.Int64 // who has one of the first items may take one: nobody has to wait for an item
	taken   []atomic.Uint64
}

// Bounds of how much is filled in.
const (
	drainItems = 1 << 20
	drainBytes = 256 << 20
)

// newDrain fills a queue with what is taken in the time of a run at perSecond. A run that is faster ends early.
func newDrain(ctx context.Context, e *Env, name string, perSecond float64) (*drain, error) {
	if err := e.fits(); err != nil {
		return nil, err
	}
	conn, err := e.Near(ctx)
	if err == nil {
		err = conn.Load(ctx, queueScript("put"))
	}
	if err != nil {
		return nil, err
	}
	calls := max(4, min(e.fills(perSecond), drainItems, drainBytes/int64(e.payloads.size+1))/batchItems)
	d := &drain{puts: puts(e, name), items: calls * batchItems, taken: make([]atomic.Uint64, calls*batchItems/64)}
	done, _, err := conn.Run(ctx, direct.Pipeline{Depth: 4, Most: calls, Next: d.puts.next, Check: allPut}, 0, time.Hour)
	if err == nil && done < calls {
		err = context.Cause(ctx)
	}
	return d, err
}

// ticket is load.ErrDone when there are no more items.
func (d *drain) ticket() error {
	if d.tickets.Add(1) > d.items {
		return load.ErrDone
	}
	return nil
}

// took is an error unless the item is one of ours that nobody has taken yet.
func (d *drain) took(id string, body []byte) error {
	seq := d.puts.seq(id)
	if seq < 0 || seq >= d.items || !bytes.Equal(body, d.puts.body(seq)) {
		return errWrongItem
	}
	return d.mark(seq)
}

func (d *drain) mark(seq int64) error {
	bit := uint64(1) << (seq % 64)
	if d.taken[seq/64].Or(bit)&bit != 0 {
		return fmt.Errorf("WRONG RESULT: item %d of %d was taken twice", seq, d.items)
	}
	return nil
}

// all is an error unless each item was taken, or is one of those that are left.
func (d *drain) all(left []string) error {
	for _, id := range left {
		seq := d.puts.seq(id)
		if seq < 0 || seq >= d.items {
			return errWrongItem
		}
		if err := d.mark(seq); err != nil {
			return err
		}
	}
	for i := range d.taken {
		if missing := ^d.taken[i].Load(); missing != 0 {
			return fmt.Errorf("WRONG RESULT: some of the items %d to %d are nowhere (%064b)", 64*i, 64*i+63, missing)
		}
	}
	return nil
}

// drainThoonk has Get wait for as long as it takes: an item that is lost makes it wait until the deadline.
func drainThoonk(ctx context.Context, e *Env) (Result, error) {
	control, q, err := thoonkQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	d, err := newDrain(ctx, e, q.Name(), 400_000)
	if err != nil {
		return Result{}, err
	}
	patient, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), e.d+30*time.Second, errors.New("WRONG RESULT: a getter still waits, items are lost"))
	defer cancel()
	r, err := e.Measure(ctx, 1, func(context.Context, int, int) error {
		if err := d.ticket(); err != nil {
			return err
		}
		it, err := q.Get(patient)
		if err != nil {
			return errors.Join(context.Cause(patient), err)
		}
		return d.took(it.ID, it.Body)
	})
	if err != nil {
		return r, err
	}
	if r.Ops > 0 && r.Batches > 0 {
		r.Batch = report.Of(float64(r.Ops) / float64(r.Batches)) // a take is one command, for many callers
	}
	if err := checkQueue(ctx, e, control, d.items-r.Total); err != nil {
		return r, err
	}
	left, err := control.IDs(context.WithoutCancel(ctx))
	if err != nil {
		return r, err
	}
	return r, d.all(left)
}

// drainCeiling takes 64 items per call.
func drainCeiling(ctx context.Context, e *Env) (Result, error) {
	q, conn, err := directQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	d, err := newDrain(ctx, e, q.Name(), 600_000)
	if err != nil {
		return Result{}, err
	}
	var calls [2][]byte // the engine's two slots, in turn
	for slot := range calls {
		calls[slot] = singleCall(queueScript("take"), q.Name(), 3, wire.NewArgs(3, 32).Number().Int(int64(slot)).Int(batchItems))
	}
	number := numbersAt(calls[0])[0]
	r, err := e.MeasurePipeline(ctx, conn, batchItems, direct.Pipeline{
		Most: d.items / batchItems,
		Next: func(i int64) []byte {
			setNumber(calls[i%2], number, i)
			return calls[i%2]
		},
		Check: func(i int64, reply direct.Reply) error {
			want := int64(1 + 32*batchItems) // "0" for not empty, ids, items
			for seq := i * batchItems; seq < (i+1)*batchItems; seq++ {
				want += int64(len(d.puts.body(seq)))
			}
			if reply.Sum != 1 || reply.Bytes != want {
				return errWrongItem
			}
			return nil
		},
	})
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, q, d.items-r.Total)
}

// drainRadix takes one item per call.
func drainRadix(ctx context.Context, e *Env) (Result, error) {
	q, callers, err := radixQueue(ctx, e, "take")
	if err != nil {
		return Result{}, err
	}
	d, err := newDrain(ctx, e, q.Name(), 100_000)
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, _ int) error {
		if err := d.ticket(); err != nil {
			return err
		}
		c := &callers[caller]
		var reply [][]any
		if err := c.do(ctx, &reply, append(c.args(3), c.number(), "0", "1")); err != nil {
			return err
		}
		if len(reply) == 1 && len(reply[0]) == 3 {
			if list, _ := reply[0][2].([]any); len(list) == 2 {
				id, _ := list[0].([]byte)
				body, _ := list[1].([]byte)
				return d.took(string(id), body)
			}
		}
		return errWrongItem
	})
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, q, d.items-r.Total)
}
