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

// publishCeiling publishes as fast as the server can: the vector script with 64 new items in each call.
func publishCeiling(ctx context.Context, e *Env) (Result, error) {
	publish := script(feed.Scripts(), "feed/publish")
	f, conn, err := directFeed(ctx, e, publish)
	if err != nil {
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
	return r, checkLen(ctx, e, f, r.Total)
}
