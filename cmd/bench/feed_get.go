package main

import (
	"bytes"
	"context"
	"errors"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
	"github.com/thoonk-go/thoonk/internal/wire"
)

func init() {
	register(Scenario{
		Name: "feed/get",
		Doc:  "many callers read items of one feed that has 10,000, one item per call",
		Systems: map[string]System{
			report.Thoonk:  getThoonk,
			report.Ceiling: getCeiling,
			report.Radix:   getRadix,
		},
	})
}

// readable is how many items there are to read without -stored; a prime has nothing in common with the order in which
// they are read.
const readable = 10_007

// fill publishes what is to be read: item i is payload i.
func fill(ctx context.Context, e *Env, f *feed.Feed) (ids []string, err error) {
	list := make([]feed.Item, e.storedOr(readable))
	for i := range list {
		list[i].Body = e.payloads.at(i)
	}
	return f.PublishMany(ctx, list)
}

var errWrongItem = errors.New("WRONG RESULT: an item is not what was published")

func getThoonk(ctx context.Context, e *Env) (Result, error) {
	control, f, err := thoonkFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	ids, err := fill(ctx, e, control)
	if err != nil {
		return Result{}, err
	}
	return e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		i := spread(caller, n) % len(ids)
		body, err := f.Get(ctx, ids[i])
		if err == nil && !bytes.Equal(body, e.payloads.at(i)) {
			err = errWrongItem
		}
		return err
	})
}

func getRadix(ctx context.Context, e *Env) (Result, error) {
	f, get, err := radixFeed(ctx, e, "get")
	if err != nil {
		return Result{}, err
	}
	ids, err := fill(ctx, e, f)
	if err != nil {
		return Result{}, err
	}
	return e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		i := spread(caller, n) % len(ids)
		var bodies [][]byte
		err := get.do(ctx, &bodies, append(get.args(1), ids[i]))
		if err == nil && (len(bodies) != 1 || !bytes.Equal(bodies[0], e.payloads.at(i))) {
			err = errWrongItem
		}
		return err
	})
}

// getCeiling sends calls for 64 items each, built beforehand.
func getCeiling(ctx context.Context, e *Env) (Result, error) {
	get := script(feed.Scripts(), "feed/get")
	f, conn, err := directFeed(ctx, e, get)
	if err != nil {
		return Result{}, err
	}
	ids, err := fill(ctx, e, f)
	if err != nil {
		return Result{}, err
	}
	const variety = 256
	calls, sizes := make([][]byte, variety), make([]int64, variety)
	for c := range calls {
		args := wire.NewArgs(batchItems, batchItems*32)
		for n := range batchItems {
			i := spread(c, n) % len(ids)
			args = args.String(ids[i])
			sizes[c] += int64(len(e.payloads.at(i)))
		}
		calls[c] = get.AppendCall(nil, f.Name(), batchItems, args)
	}
	return e.MeasurePipeline(ctx, conn, batchItems, direct.Pipeline{
		Next: func(i int64) []byte { return calls[i%variety] },
		Check: func(i int64, r direct.Reply) error {
			if r.Elements != batchItems || r.Nulls != 0 || r.Bytes != sizes[i%variety] {
				return errWrongItem
			}
			return nil
		},
	})
}
