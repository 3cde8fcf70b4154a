package main

import (
	"context"
	"fmt"

	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// newQueue creates an empty queue. The handle is the control engine's: for filling and checking, not for measuring.
func newQueue(ctx context.Context, e *Env) (*queue.Queue, error) {
	name := e.Name()
	e.leaves = append(e.leaves, name)
	q, err := e.Control().Queue(ctx, name, queue.Config{})
	if err != nil {
		return nil, err
	}
	return q, e.prefill(ctx, queueScript("put"), func() func(int64) []byte { return puts(e, name).next }, allPut)
}

// thoonkQueue is an empty queue twice: for the control engine, and for an engine to be measured.
func thoonkQueue(ctx context.Context, e *Env) (control, measured *queue.Queue, err error) {
	if control, err = newQueue(ctx, e); err != nil {
		return nil, nil, err
	}
	eng, err := e.Engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	measured, err = eng.Queue(ctx, control.Name(), queue.Config{})
	return control, measured, err
}

// directQueue is an empty queue, and a plain connection whose server knows the scripts.
func directQueue(ctx context.Context, e *Env) (*queue.Queue, *direct.Conn, error) {
	q, err := newQueue(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	conn, err := e.Direct(ctx)
	for _, verb := range []string{"put", "take"} {
		if err == nil {
			err = conn.Load(ctx, queueScript(verb))
		}
	}
	return q, conn, err
}

func queueScript(verb string) *wire.Script { return script(queue.Scripts(), "queue/"+verb) }

// A queueCaller is one caller of a queue's script on a radix pool: an engine of its own, for its calls have numbers.
type queueCaller struct {
	*radixScript
	calls int64
	_     [48]byte // a whole cache line: each has its own goroutine
}

func radixQueue(ctx context.Context, e *Env, verb string) (*queue.Queue, []queueCaller, error) {
	q, err := newQueue(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	client, err := e.Radix(ctx)
	if err != nil {
		return nil, nil, err
	}
	all := newRadixScript(client, queueScript(verb), q.Name())
	callers := make([]queueCaller, e.callers)
	for i := range callers {
		callers[i].radixScript = all.as(fmt.Sprint("c", i))
	}
	return q, callers, nil
}

// number is that of the next call.
func (c *queueCaller) number() string {
	c.calls++
	return fmt.Sprintf("%016d", c.calls)
}

// puts are calls that put 64 items each, each with a number: as the engine sends the calls of 64 callers.
func puts(e *Env, name string) *prebuilt {
	return newPrebuilt(queueScript("put"), name, e.payloads, func(args wire.Args, _ int, id string, body []byte) wire.Args {
		return args.Number().String(id).Bytes(body).String("0")
	})
}

// allPut is an error unless that is the answer to one of these calls, or to a publish of 64 items: 1 for each.
func allPut(_ int64, reply direct.Reply) error {
	return same("the sum of 64 statuses", reply.Sum, batchItems)
}

// checkQueue is an error unless as many items wait as there must, in both of the queue's keys.
func checkQueue(ctx context.Context, e *Env, q *queue.Queue, want int64) error {
	want += e.before
	n, err := q.Len(context.WithoutCancel(ctx)) // an interrupted run is checked too
	if err == nil {
		err = same("Len("+q.Name()+")", int64(n), want)
	}
	if err != nil {
		return err
	}
	return checkItems(e, q.Name(), want)
}

// checkItems is an error unless the hash of items is of that size.
func checkItems(e *Env, name string, want int64) error {
	bodies, err := e.srv.info.Do("HLEN", contract.Items.Of(name))
	if err == nil && bodies != fmt.Sprint(want) {
		err = fmt.Errorf("WRONG RESULT: %s has %s items, it must have %d", contract.Items.Of(name), bodies, want)
	}
	return err
}
