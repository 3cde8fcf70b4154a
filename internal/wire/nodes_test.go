package wire_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// nodes routes by name.
type nodes map[string]*fakeRedis

func (n nodes) Addr() net.Addr { return nil }
func (n nodes) Close() error   { return nil }
func (n nodes) Do(ctx context.Context, a radix.Action) error {
	return a.Perform(ctx, n[a.Properties().Keys[0]])
}

// A lane knows which scripts have run on its connection to each node, not only to the one that it used last: two batches
// are under way at once although another name, at another node, was served in between.
func TestScriptsOfEachNode(t *testing.T) {
	t.Parallel()
	first, second := make(chan struct{}), make(chan struct{})
	_, a := fake(echo, func(request string) (string, error) {
		close(first)
		select {
		case <-second:
		case <-time.After(10 * time.Second):
			t.Error("the second batch waits for the first")
		}
		return echo(request)
	}, func(request string) (string, error) {
		close(second)
		return echo(request)
	}, echo)
	lane, b := fake(echo)
	a.path, b.path = "a", "b"
	lane.Client = nodes{contract.IDs.Of("a"): a, contract.IDs.Of("b"): b}
	oa, ob := newOutbox("a", lane, time.Minute), newOutbox("b", lane, time.Minute)
	add := func(o *wire.Outbox) { // two at once go on a goroutine of their own
		o.Add(repeatable(noting(note, "1")))
		o.Add(repeatable(noting(note, "2")))
	}
	add(oa)
	pump(t, oa)
	add(ob)
	pump(t, ob)

	add(oa)
	oa.Flush()
	<-first
	add(oa)
	pump(t, oa)
}
