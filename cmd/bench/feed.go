package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// batchItems is how many items ceilings and PublishMany have in a call.
const batchItems = 64

// newFeed creates an empty feed, unmeasured.
func newFeed(ctx context.Context, e *Env) (*feed.Feed, error) {
	return e.Control().Feed(ctx, e.Name(), feed.Config{})
}

// checkLen is an error unless the feed has as many items as were published, in both of its keys.
func checkLen(ctx context.Context, e *Env, f *feed.Feed, want int64) error {
	ctx = context.WithoutCancel(ctx) // an interrupted run is checked too
	n, err := f.Len(ctx)
	if err == nil {
		err = same("Len("+f.Name()+")", int64(n), want)
	}
	if err != nil {
		return err
	}
	bodies, err := e.srv.info.Do("HLEN", contract.Items.Of(f.Name()))
	if err != nil {
		return err
	}
	if bodies != fmt.Sprint(want) {
		return fmt.Errorf("WRONG RESULT: %s has %s items, it must have %d", contract.Items.Of(f.Name()), bodies, want)
	}
	return nil
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

// keysOf and argsOf are what a script is called with for a name, before its groups, for clients that take strings.
func keysOf(s *wire.Script, name string) []string {
	keys := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		keys[i] = k.Of(name)
	}
	return keys
}

func argsOf(s *wire.Script, name string) []string {
	args := []string{"0"} // not a repeat
	for _, c := range s.Channels {
		args = append(args, c.Of(name))
	}
	return args
}

// prebuilt are calls of batchItems groups, which start with a generated id each. The ids are written over before each
// use, so that every item is new: 16 random digits for the run, 12 for the call, 4 for the item.
type prebuilt struct {
	calls [][]byte
	ids   [][]int // where the call's digits begin
}

// newPrebuilt builds enough calls for every payload to be in one, 64 at most.
func newPrebuilt(s *wire.Script, name string, p *payloads) *prebuilt {
	b := &prebuilt{}
	run := contract.NewID()[:16]
	for c := range min(64, (len(p.items)+batchItems-1)/batchItems) {
		args := wire.NewArgs(2*batchItems, batchItems*(32+p.size))
		for i := range batchItems {
			args = args.String(fmt.Sprintf("%s%012x%04x", run, 0, i)).Bytes(p.at(c*batchItems + i))
		}
		call := s.AppendCall(nil, name, batchItems, args)
		var ids []int
		for i := range batchItems {
			at := strings.Index(string(call), fmt.Sprintf("%s%012x%04x", run, 0, i))
			ids = append(ids, at+len(run))
		}
		b.calls, b.ids = append(b.calls, call), append(b.ids, ids)
	}
	return b
}

// next is call i with fresh ids.
func (b *prebuilt) next(i int64) []byte {
	const hex = "0123456789abcdef"
	var digits [12]byte
	for d, v := 11, uint64(i); d >= 0; d, v = d-1, v>>4 {
		digits[d] = hex[v&15]
	}
	which := int(i % int64(len(b.calls)))
	call := b.calls[which]
	for _, at := range b.ids[which] {
		copy(call[at:at+12], digits[:])
	}
	return call
}

// feedCeiling publishes as fast as the server can: the vector script with 64 new items in each call.
func feedCeiling(ctx context.Context, e *Env) (Result, error) {
	f, err := newFeed(ctx, e)
	if err != nil {
		return Result{}, err
	}
	conn, err := e.Direct(ctx)
	if err != nil {
		return Result{}, err
	}
	publish := script(feed.Scripts(), "feed/publish")
	if err := conn.Load(publish); err != nil {
		return Result{}, err
	}
	calls := newPrebuilt(publish, f.Name(), e.payloads)
	r, err := e.MeasurePipeline(ctx, conn, batchItems, direct.Pipeline{
		Next: calls.next,
		Check: func(_ int64, reply direct.Reply) error {
			return same("the sum of 64 statuses", reply.Sum, batchItems) // 1 is added
		},
	})
	if err != nil {
		return r, err
	}
	r.Callers = 1
	return r, checkLen(ctx, e, f, r.Total)
}
