package main

import (
	"context"
	"fmt"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// newSorted creates an empty sorted feed. The handle is the control engine's.
func newSorted(ctx context.Context, e *Env) (*sorted.Sorted, error) {
	name := e.Name()
	e.leaves = append(e.leaves, name)
	s, err := e.Control().Sorted(ctx, name, sorted.Config{})
	if err != nil {
		return nil, err
	}
	return s, e.prefill(ctx, sortedScript("insert"), func() func(int64) []byte { return appends(e, s.Name()) }, allAppended)
}

// thoonkSorted is an empty sorted feed twice: for the control engine, and for an engine to be measured.
func thoonkSorted(ctx context.Context, e *Env) (control, measured *sorted.Sorted, err error) {
	if control, err = newSorted(ctx, e); err != nil {
		return nil, nil, err
	}
	eng, err := e.Engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	measured, err = eng.Sorted(ctx, control.Name(), sorted.Config{})
	return control, measured, err
}

func sortedScript(verb string) *wire.Script { return script(sorted.Scripts(), "sorted/"+verb) }

// checkSorted is an error unless the sorted feed has as many items as there must be, in both of its keys.
func checkSorted(ctx context.Context, e *Env, s *sorted.Sorted, want int64) error {
	want += e.before
	n, err := s.Len(context.WithoutCancel(ctx)) // an interrupted run is checked too
	if err == nil {
		err = same("Len("+s.Name()+")", int64(n), want)
	}
	if err != nil {
		return err
	}
	return checkItems(e, s.Name(), want)
}

// checkSortedOrder is an error unless the ids are those from 1 on, in order: what appending makes.
func checkSortedOrder(ctx context.Context, e *Env, s *sorted.Sorted, want int64) error {
	if err := checkSorted(ctx, e, s, want); err != nil {
		return err
	}
	ids, err := s.IDs(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	for i, id := range ids {
		if id != fmt.Sprint(i+1) {
			return fmt.Errorf("WRONG RESULT: %s has the id %s at place %d", s.Name(), id, i)
		}
	}
	return same("the number of ids of "+s.Name(), int64(len(ids)), want+e.before)
}

// appends are calls that append 64 items each.
func appends(e *Env, name string) func(i int64) []byte {
	var calls [][]byte
	for c := range min(64, (len(e.payloads.items)+batchItems-1)/batchItems) {
		args := wire.NewArgs(3*batchItems, batchItems*e.payloads.size)
		for i := range batchItems {
			args = args.String("last").String("").Bytes(e.payloads.at(c*batchItems + i))
		}
		calls = append(calls, sortedScript("insert").AppendCall(nil, name, batchItems, args))
	}
	return func(i int64) []byte { return calls[i%int64(len(calls))] }
}

// allAppended is an error unless the answer is 64 ids and no status.
func allAppended(_ int64, reply direct.Reply) error {
	if reply.Elements != batchItems || reply.Sum != 0 || reply.Bytes < batchItems {
		return errWrongItem
	}
	return nil
}

// appendCeiling appends 64 items per call.
func appendCeiling(ctx context.Context, e *Env) (Result, error) {
	s, err := newSorted(ctx, e)
	if err != nil {
		return Result{}, err
	}
	conn, err := e.Direct(ctx)
	if err == nil {
		err = conn.Load(ctx, sortedScript("insert"))
	}
	if err != nil {
		return Result{}, err
	}
	r, err := e.MeasurePipeline(ctx, conn, batchItems, direct.Pipeline{Next: appends(e, s.Name()), Check: allAppended})
	if err != nil {
		return r, err
	}
	return r, checkSortedOrder(ctx, e, s, r.Total)
}
