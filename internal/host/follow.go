package host

import (
	"context"
	"iter"

	"github.com/thoonk-go/thoonk/pubsubhub"
)

// Events ranges over what next returns, until its first error, which it leaves
// in err. It can be ranged over again.
func Events[E any](next func(context.Context) (E, error), err *error) iter.Seq[E] {
	return func(yield func(E) bool) {
		for *err = nil; ; {
			e, failed := next(context.Background())
			if *err = failed; failed != nil || !yield(e) {
				return
			}
		}
	}
}

// UpTo reads messages up to the given one and hands those in front of it to each.
// It ends early when some are missing, with the event that says so.
func UpTo(ctx context.Context, sub *pubsubhub.Subscription, channel, payload string, each func(pubsubhub.Event)) (lost *pubsubhub.Event, err error) {
	for {
		m, err := sub.Next(ctx)
		switch {
		case err != nil:
			return nil, err
		case m.Lost():
			return &m, nil
		case m.Channel == channel && string(m.Payload) == payload:
			return nil, nil
		}
		each(m)
	}
}
