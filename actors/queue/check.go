package queue

import (
	"context"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/internal/contract"
)

var check = func() radix.EvalScript {
	src, err := files.ReadFile("lua/check.lua")
	if err != nil {
		panic(err) // a broken build
	}
	return radix.NewEvalScript(string(src))
}()

// Check returns which of the queues are suspect: items may have lost their ids
// there, or they are no queues any more. do runs an action on the server.
func Check(ctx context.Context, do func(context.Context, radix.Action) error, n contract.Naming, names []string) ([]string, error) {
	keys := make([]string, 0, 3*len(names))
	for _, name := range names {
		wire := n.Wire(name)
		keys = append(keys, contract.IDs.Of(wire), contract.Items.Of(wire), contract.Config.Of(wire))
	}
	var found []int
	if err := do(ctx, check.Cmd(&found, keys)); err != nil {
		return nil, err
	}
	var suspects []string
	for i, f := range found {
		if f == 1 && i < len(names) {
			suspects = append(suspects, names[i])
		}
	}
	return suspects, nil
}
