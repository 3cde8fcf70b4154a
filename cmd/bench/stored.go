package main

import (
	"context"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// storedOr is -stored, or how many items a scenario has without it, which are fewer if they are large.
func (e *Env) storedOr(items int) int {
	if e.stored > 0 {
		return e.stored
	}
	return max(1, min(items, drainBytes/(e.payloads.size+1)))
}

// fits is an error if calls of 64 items would be too large to be built before.
func (e *Env) fits() error {
	if e.payloads.size > drainBytes/batchItems {
		return absent("64 items of that size are too large for a call")
	}
	return nil
}

// prefill sees to it that -stored items are there, if the scenario wants them: calls of 64, built before.
func (e *Env) prefill(ctx context.Context, s *wire.Script, build func() (next func(i int64) []byte), check func(int64, direct.Reply) error) error {
	if !e.scenario.Stored || e.stored == 0 {
		return nil
	}
	if err := e.fits(); err != nil {
		return err
	}
	conn, err := e.Near(ctx)
	if err == nil {
		err = conn.Load(ctx, s)
	}
	if err != nil {
		return err
	}
	calls := int64(e.stored+batchItems-1) / batchItems
	done, _, err := conn.Run(ctx, direct.Pipeline{Depth: 4, Most: calls, Next: build(), Check: check}, 0, time.Hour)
	if err == nil && done < calls {
		err = context.Cause(ctx)
	}
	e.before = done * batchItems
	return err
}
