package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
)

func init() {
	register(Scenario{
		Name: "feed/names",
		Doc:  "many callers publish to -names feeds in turn, one item per call",
		Flags: func(fs *pflag.FlagSet) {
			intFlag(fs, "names", 100, "feeds of feed/names")
		},
		Systems: map[string]System{
			report.Thoonk: namesThoonk,
			report.Radix:  namesRadix,
		},
	})
}

// manyFeeds creates as many feeds as -names says, on that engine: the control engine would keep a goroutine for each.
func manyFeeds(ctx context.Context, e *Env, eng *engine.Engine) ([]*feed.Feed, error) {
	names := make([]string, e.Int("names"))
	for i := range names {
		names[i] = e.Name()
	}
	feeds := make([]*feed.Feed, len(names))
	return feeds, forAll(64, len(names), func(i int) (err error) {
		feeds[i], err = eng.Feed(ctx, names[i], feed.Config{})
		return err
	})
}

// checkFeeds is an error unless the feeds have as many items together as were published.
func checkFeeds(ctx context.Context, feeds []*feed.Feed, want int64) error {
	ctx = context.WithoutCancel(ctx)
	lens := make([]int64, len(feeds))
	err := forAll(64, len(feeds), func(i int) error {
		n, err := feeds[i].Len(ctx)
		lens[i] = int64(n)
		return err
	})
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, n := range lens {
		sum += n
	}
	return same("the number of items in all feeds", sum, want)
}

func namesThoonk(ctx context.Context, e *Env) (Result, error) {
	eng, err := e.Engine(ctx)
	if err != nil {
		return Result{}, err
	}
	feeds, err := manyFeeds(ctx, e, eng)
	if err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		i := spread(caller, n)
		_, err := feeds[i%len(feeds)].Publish(ctx, e.payloads.at(i))
		return err
	})
	if err != nil {
		return r, err
	}
	return r, checkFeeds(ctx, feeds, r.Total)
}

func namesRadix(ctx context.Context, e *Env) (Result, error) {
	eng, err := e.engine(ctx, engine.Config{}) // it creates and checks
	if err != nil {
		return Result{}, err
	}
	feeds, err := manyFeeds(ctx, e, eng)
	if err != nil {
		return Result{}, err
	}
	client, err := e.Radix(ctx)
	if err != nil {
		return Result{}, err
	}
	publish := make([]*radixScript, len(feeds))
	for i, f := range feeds {
		publish[i] = newRadixScript(client, script(feed.Scripts(), "feed/publish"), f.Name())
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		i := spread(caller, n)
		p := publish[i%len(publish)]
		return p.statuses(ctx, append(p.args(2), contract.NewID(), e.payloads.textAt(i)), 1) // 1 is added
	})
	if err != nil {
		return r, err
	}
	return r, checkFeeds(ctx, feeds, r.Total)
}
