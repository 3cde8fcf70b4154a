package main

import (
	"context"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// batchItems is how many items ceilings and PublishMany have in a call.
const batchItems = 64

// newFeed creates an empty feed. The handle is the control engine's: for filling and checking, not for measuring.
func newFeed(ctx context.Context, e *Env) (*feed.Feed, error) {
	f, err := e.Control().Feed(ctx, e.Name(), feed.Config{})
	if err != nil {
		return nil, err
	}
	return f, e.prefill(ctx, script(feed.Scripts(), "feed/publish"), func() func(int64) []byte { return publishes(e, f.Name()).next }, allPut)
}

// publishes are calls that publish 64 items each.
func publishes(e *Env, name string) *prebuilt {
	return newPrebuilt(script(feed.Scripts(), "feed/publish"), name, e.payloads, func(args wire.Args, _ int, id string, body []byte) wire.Args {
		return args.String(id).Bytes(body)
	})
}

// thoonkFeed is an empty feed twice: for the control engine, and for an engine to be measured.
func thoonkFeed(ctx context.Context, e *Env) (control, measured *feed.Feed, err error) {
	if control, err = newFeed(ctx, e); err != nil {
		return nil, nil, err
	}
	eng, err := e.Engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	measured, err = eng.Feed(ctx, control.Name(), feed.Config{})
	return control, measured, err
}

// radixFeed is an empty feed, and what it takes to run one of its scripts on a radix pool.
func radixFeed(ctx context.Context, e *Env, verb string) (*feed.Feed, *radixScript, error) {
	f, err := newFeed(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	client, err := e.Radix(ctx)
	return f, newRadixScript(client, script(feed.Scripts(), "feed/"+verb), f.Name()), err
}

// directFeed is an empty feed, and a plain connection whose server knows the script.
func directFeed(ctx context.Context, e *Env, s *wire.Script) (*feed.Feed, *direct.Conn, error) {
	f, err := newFeed(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	conn, err := e.Direct(ctx)
	if err == nil {
		err = conn.Load(ctx, s)
	}
	return f, conn, err
}

// checkLen is an error unless the feed has as many items as were published, in both of its keys.
func checkLen(ctx context.Context, e *Env, f *feed.Feed, want int64) error {
	want += e.before
	ctx = context.WithoutCancel(ctx) // an interrupted run is checked too
	n, err := f.Len(ctx)
	if err == nil {
		err = same("Len("+f.Name()+")", int64(n), want)
	}
	if err != nil {
		return err
	}
	return checkItems(e, f.Name(), want)
}

// script finds a script by its name.
func script(list []*wire.Script, name string) *wire.Script {
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	panic("bench: no script " + name)
}
