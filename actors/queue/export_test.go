package queue

import (
	"context"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// Line sends a getter of up to n items and returns when the queue's inbox has it,
// so that a test can say who came before whom. The function it returns waits as
// Get does.
func (q *Queue) Line(ctx context.Context, n int) (func(context.Context) ([]Item, error), error) {
	g := q.kind.getters.New(n, true)
	box, err := q.h.Send(ctx, g)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]Item, error) { return g.Wait(ctx, box.Done()) }, nil
}

// LeftBehind reports whether an id that was popped for a getter goes back if the getter
// leaves after the line was pruned.
func LeftBehind() (returned bool) {
	out := wire.NewOutbox(wire.OutboxConfig{})
	o := &owner{kind: new(Kind), out: out, popped: []string{"x"}}
	g := o.kind.getters.New(1, true)
	o.line.Push(g)
	gone, leave := context.WithCancel(context.Background())
	leave()
	_, _ = g.Wait(gone, nil)
	o.fetch()
	return o.returning && !out.Empty()
}

// SetTake replaces the take script of all engines in this process and returns the
// old one.
func SetTake(s *wire.Script) *wire.Script {
	old := take
	take = s
	return old
}

// The scripts that faults are aimed at.
func Put() *wire.Script    { return put }
func Take() *wire.Script   { return take }
func Return() *wire.Script { return giveBack }
func Purge() *wire.Script  { return purge }

// TakeSource is the file of the take script.
func TakeSource() string {
	text, err := files.ReadFile("lua/take.lua")
	if err != nil {
		panic(err) // a broken build
	}
	return string(text)
}
