package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/contract"
)

func init() {
	register(Scenario{
		Name: "feed/fanout",
		Doc:  "one publisher, -subscribers in one process; ops are notices delivered, latencies from publish to notice",
		Flags: func(fs *pflag.FlagSet) {
			intFlag(fs, "subscribers", 100, "subscribers of feed/fanout")
		},
		Systems: map[string]System{
			report.Thoonk: fanoutThoonk,
			report.Radix:  fanoutRadix,
		},
	})
}

// fanoutThoonk: all subscribers share the engine's one connection for messages. A subscriber whose mailbox is full
// misses some and is told how many.
func fanoutThoonk(ctx context.Context, e *Env) (Result, error) {
	control, f, err := thoonkFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	a := newAudience(e)
	for i := range a.subs {
		sub, err := f.Follow(ctx, feed.FollowOptions{})
		if err != nil {
			return Result{}, errors.Join(err, a.leave())
		}
		a.join(func() { followThoonk(sub, a, i) }, sub.Close)
	}
	publish := func(ctx context.Context, n int) error {
		_, err := f.PublishMany(ctx, items(e, n)[:a.perCall])
		return err
	}
	r, err := a.measure(ctx, publish)
	if err = errors.Join(err, a.leave()); err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, control, a.published.Load())
}

func followThoonk(sub *feed.Subscription, a *audience, i int) {
	for {
		ev, err := sub.Next(context.Background())
		switch {
		case errors.Is(err, feed.ErrClosed):
			return
		case err != nil:
			a.fail(err)
			return
		case ev.Kind == feed.Published:
			a.got(i, 1)
		case ev.Kind == feed.Lagged && ev.Missed > 0:
			a.missed(i, int64(ev.Missed))
		default:
			a.fail(fmt.Errorf("subscriber %d: unexpected event %v", i, ev.Kind))
			return
		}
	}
}

// fanoutRadix: a connection for each subscriber, as one would have it without Thoonk.
func fanoutRadix(ctx context.Context, e *Env) (Result, error) {
	f, publish, err := radixFeed(ctx, e, "publish")
	if err != nil {
		return Result{}, err
	}
	a := newAudience(e)
	for i := range a.subs {
		conn, err := e.RadixPubSub(ctx)
		if err == nil {
			err = conn.Subscribe(ctx, contract.Publish.Of(f.Name()))
		}
		if err != nil {
			return Result{}, errors.Join(err, a.leave())
		}
		listen, cancel := context.WithCancel(context.Background())
		a.join(func() {
			for {
				if _, err := conn.Next(listen); listen.Err() != nil {
					return
				} else if err != nil {
					a.fail(err)
					return
				}
				a.got(i, 1)
			}
		}, func() error { cancel(); return nil })
	}
	if err := everybodyListens(ctx, e, contract.Publish.Of(f.Name()), len(a.subs)); err != nil {
		return Result{}, errors.Join(err, a.leave())
	}
	r, err := a.measure(ctx, func(ctx context.Context, n int) error {
		args := publish.args(2 * a.perCall)
		for i := range a.perCall {
			args = append(args, contract.NewID(), e.payloads.textAt(n+i))
		}
		return publish.statuses(ctx, args, int64(a.perCall)) // 1 is added
	})
	if err = errors.Join(err, a.leave()); err != nil {
		return r, err
	}
	return r, checkLen(ctx, e, f, a.published.Load())
}

// everybodyListens waits for n subscriptions of a channel: radix does not wait for the confirmations.
func everybodyListens(ctx context.Context, e *Env, channel string, n int) error {
	for {
		got, err := e.srv.info.Do("PUBSUB", "NUMSUB", channel)
		if err != nil || got == strconv.Itoa(n) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}
