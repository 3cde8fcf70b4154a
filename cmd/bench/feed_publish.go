package main

import (
	"context"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/contract"
)

func init() {
	register(Scenario{
		Name: "feed/publish",
		Doc:  "many callers publish to one feed, one item per call",
		Systems: map[string]System{
			report.Thoonk:  publishThoonk,
			report.Ceiling: feedCeiling,
			report.Radix:   publishRadix,
		},
	})
}

func publishThoonk(ctx context.Context, e *Env) (Result, error) {
	f, err := newFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	eng, err := e.Engine(ctx)
	if err != nil {
		return Result{}, err
	}
	measured, err := eng.Feed(ctx, f.Name(), feed.Config{})
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		_, err := measured.Publish(ctx, e.payloads.of(caller, n))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, f, r.Total)
}

// publishRadix is what one would write without Thoonk: an EvalScript per item.
func publishRadix(ctx context.Context, e *Env) (Result, error) {
	f, err := newFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	client, err := e.Radix(ctx)
	if err != nil {
		return Result{}, err
	}
	s := script(feed.Scripts(), "feed/publish")
	eval := radix.NewEvalScript(s.Source())
	keys, head, items := keysOf(s, f.Name()), argsOf(s, f.Name()), e.payloads.strings()
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		args := append(make([]string, 0, len(head)+2), head...)
		args = append(args, contract.NewID(), items[uint(caller*7919+n)%uint(len(items))])
		var statuses []int64
		if err := client.Do(ctx, eval.Cmd(&statuses, keys, args...)); err != nil {
			return err
		}
		return same("the status", statuses[0], 1)
	})
	if err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, f, r.Total)
}
