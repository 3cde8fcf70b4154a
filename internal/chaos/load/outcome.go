package load

import (
	"context"
	"errors"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// answers are what calls may end with that ran and found that it cannot be done.
var answers = []struct {
	err  error
	name string
}{
	{queue.ErrEmpty, "empty"}, {job.ErrEmpty, "empty"},
	{feed.ErrNotFound, "not found"}, {sorted.ErrNotFound, "not found"}, {job.ErrNotFound, "not found"},
	{job.ErrNotOwner, "not owner"}, {job.ErrExists, "exists"}, {job.ErrStalled, "stalled"}, {job.ErrRetracted, "retracted"},
	{engine.ErrNoSuchName, "no such name"},
}

// outcome says what an error says, by the sentinels that callers decide by.
func outcome(err error) (what, text string) {
	if err == nil {
		return ledger.OK, ""
	}
	text = err.Error()
	switch {
	case errors.Is(err, engine.ErrOutcomeUnknown) && errors.Is(err, engine.ErrNotSent):
		return ledger.Strange, "says both: " + text
	case errors.Is(err, engine.ErrOutcomeUnknown):
		return ledger.Unknown, text
	case errors.Is(err, engine.ErrNotSent):
		return ledger.NotSent, text
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return a.name, text
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return "left", text
	}
	return ledger.Strange, text
}
