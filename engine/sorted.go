package engine

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/sorted"
)

// Sorted returns the sorted feed of that name, after creating it with cfg if it
// does not exist. The stored configuration of an existing one is left alone; change
// it with Sorted.Configure. ErrWrongType: the name is something else.
func (e *Engine) Sorted(ctx context.Context, name string, cfg sorted.Config) (*sorted.Sorted, error) {
	return e.sorted.Open(ctx, name, cfg)
}
