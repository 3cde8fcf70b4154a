package engine

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/internal/wakeup"
)

// Queue returns the queue of that name, after creating it with cfg if it does not
// exist. The stored configuration of an existing queue is left alone; change it
// with Queue.Configure. ErrWrongType: the name is something else.
func (e *Engine) Queue(ctx context.Context, name string, cfg queue.Config) (*queue.Queue, error) {
	return e.queues.Open(ctx, name, cfg)
}

// newWaker returns what waits for ids on empty lists.
func (e *Engine) newWaker() *wakeup.Waker {
	return wakeup.New(wakeup.Config{
		Instance: e.host.Instance,
		Naming:   e.host.Naming,
		Dial:     e.net.Dial,
		Do:       e.net.Do,
		Turned:   e.net.Turned,
		Check: func(ctx context.Context, names []string) ([]string, error) {
			return queue.Check(ctx, e.net.Do, e.host.Naming, names)
		},
		CheckEvery: e.cfg.CheckEvery,
		Logger:     e.cfg.Logger,
	})
}
