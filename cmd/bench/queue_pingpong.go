package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/contract"
)

func init() {
	register(Scenario{
		Name: "queue/pingpong",
		Doc:  "one getter waits, an item is put at random moments; latencies from put to get",
		Systems: map[string]System{
			report.Thoonk: pingpongThoonk,
			report.Radix:  peersOnly,
		},
	})
	register(Scenario{
		Name: "queue/peer",
		Doc:  "the same with items put by a peer, who knows nothing of us: MULTI, LPUSH, HSET, INCR, EXEC",
		Systems: map[string]System{
			report.Thoonk: peerThoonk,
			report.Radix:  peersOnly,
		},
	})
}

// pingpongThoonk puts and gets through one engine.
func pingpongThoonk(ctx context.Context, e *Env) (Result, error) {
	control, q, err := thoonkQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	put := func(ctx context.Context, body []byte) error {
		_, err := q.Put(ctx, body)
		return err
	}
	r, err := pickUp(ctx, e, put, func(ctx context.Context) ([]byte, error) {
		it, err := q.Get(ctx)
		return it.Body, err
	})
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, control, 0)
}

// peerThoonk puts as programs do that follow the contract without this engine.
func peerThoonk(ctx context.Context, e *Env) (Result, error) {
	control, q, err := thoonkQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	p, err := newPeer(ctx, e, q.Name())
	if err != nil {
		return Result{}, err
	}
	r, err := pickUp(ctx, e, p.put, func(ctx context.Context) ([]byte, error) {
		it, err := q.Get(ctx)
		return it.Body, err
	})
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, control, 0)
}

// peersOnly puts and gets without Thoonk: BRPOP, then MULTI, HGET, HDEL, EXEC.
func peersOnly(ctx context.Context, e *Env) (Result, error) {
	q, err := newQueue(ctx, e)
	if err != nil {
		return Result{}, err
	}
	putter, err := newPeer(ctx, e, q.Name())
	if err != nil {
		return Result{}, err
	}
	getter, err := newPeer(ctx, e, q.Name())
	if err != nil {
		return Result{}, err
	}
	r, err := pickUp(ctx, e, putter.put, getter.get)
	if err != nil {
		return r, err
	}
	return r, checkQueue(ctx, e, q, 0)
}

// A peer is a connection on which one goroutine uses a queue as the contract has it, and nothing more.
type peer struct {
	conn                  radix.Conn
	ids, items, publishes string
}

func newPeer(ctx context.Context, e *Env, name string) (*peer, error) {
	conn, err := e.RadixConn(ctx)
	if err != nil {
		return nil, err
	}
	e.AtEnd(conn.Close)
	return &peer{conn, contract.IDs.Of(name), contract.Items.Of(name), contract.Publishes.Of(name)}, nil
}

func (p *peer) put(ctx context.Context, body []byte) error {
	id := contract.NewID()
	all := radix.NewPipeline()
	all.Append(radix.Cmd(nil, "MULTI"))
	all.Append(radix.Cmd(nil, "LPUSH", p.ids, id))
	all.Append(radix.FlatCmd(nil, "HSET", p.items, id, body))
	all.Append(radix.Cmd(nil, "INCR", p.publishes))
	all.Append(radix.Cmd(nil, "EXEC"))
	return p.conn.Do(ctx, all)
}

// get waits until ctx ends.
func (p *peer) get(ctx context.Context) ([]byte, error) {
	var popped []string
	for len(popped) == 0 {
		// A pop that is given up would leave the connection out of step: it ends by itself.
		if err := p.conn.Do(context.WithoutCancel(ctx), radix.Cmd(&popped, "BRPOP", p.ids, "0.2")); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	var reply [][]byte
	all := radix.NewPipeline()
	all.Append(radix.Cmd(nil, "MULTI"))
	all.Append(radix.Cmd(nil, "HGET", p.items, popped[1]))
	all.Append(radix.Cmd(nil, "HDEL", p.items, popped[1]))
	all.Append(radix.Cmd(&reply, "EXEC"))
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := p.conn.Do(bounded, all); err != nil {
		return nil, err
	}
	if len(reply) != 2 {
		return nil, fmt.Errorf("EXEC has %d answers", len(reply))
	}
	return reply[0], nil
}
