package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/host"
)

// Get takes the next item. It waits until there is one: getters of one engine are
// served in the order in which they came; between engines, whoever has waited
// longest is. Waiting costs nothing: an item that is put, by anyone, wakes it.
//
// Get also waits while Redis is away; only its context ends it. Then, or when the
// engine closes, no item was taken for this call: one on its way goes to the next
// getter, or back to where it was in the queue.
func (q *Queue) Get(ctx context.Context) (Item, error) {
	items, err := q.get(ctx, 1, true)
	if err != nil {
		return Item{}, q.wrap("get", err)
	}
	return items[0], nil
}

// TryGet takes the next item, or returns ErrEmpty if none waits.
func (q *Queue) TryGet(ctx context.Context) (Item, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, q.kind.host.Patience, actor.ErrUnavailable)
	defer cancel()
	items, err := q.get(ctx, 1, false)
	if err != nil {
		return Item{}, q.wrap("get", unavailable(ctx, err))
	}
	return items[0], nil
}

// GetUpTo takes up to n items. It waits for the first like Get, and then lingers
// for as many more as come within that time; 0 takes what is there. When ctx ends
// while it lingers it returns what it has.
func (q *Queue) GetUpTo(ctx context.Context, n int, linger time.Duration) ([]Item, error) {
	if n < 1 {
		return nil, q.wrap("get", host.Refused(fmt.Errorf("%w: n is %d, it must be at least 1", ErrInvalidCount, n)))
	}
	items, err := q.get(ctx, n, true)
	if err != nil {
		return nil, q.wrap("get", err)
	}
	if len(items) == n || linger <= 0 {
		return items, nil
	}
	items = slices.Clone(items) // it may share memory with what other getters got
	ctx, cancel := context.WithTimeout(ctx, linger)
	defer cancel()
	for len(items) < n {
		more, err := q.get(ctx, n-len(items), true)
		if err != nil {
			break // linger or ctx is over, or the engine is closed: the next call will tell
		}
		items = append(items, more...)
	}
	return items, nil
}

func (q *Queue) get(ctx context.Context, n int, waits bool) ([]Item, error) {
	for {
		g := q.kind.getters.New(n, waits)
		items, err := actor.Ask[[]Item](ctx, q.h, g)
		q.kind.getters.Free(g)
		if !waits || !errors.Is(err, actor.ErrUnavailable) {
			return items, err
		}
		// The inbox was full for as long as other calls are patient: try to get in again.
	}
}

// unavailable says so when the wait was ended by the patience of the engine, not
// by the caller's context.
func unavailable(ctx context.Context, err error) error {
	if context.Cause(ctx) == actor.ErrUnavailable {
		return fmt.Errorf("%w (%w)", actor.ErrUnavailable, actor.ErrNotSent)
	}
	return err
}
