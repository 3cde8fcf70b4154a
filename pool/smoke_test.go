package pool

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

func TestSmoke(t *testing.T) {
	p := New(0)
	g := p.Group(Options{})
	for _, f := range []func(ctx context.Context) error{
		nothing, func(context.Context) error { panic("x") }, func(context.Context) error { runtime.Goexit(); return nil },
		func(context.Context) error { return errors.New("a") },
	} {
		got := make(chan error, 1)
		if g.TryAcquire(1) != 1 {
			t.Fatal()
		}
		g.Go(Task{Do: f, Done: func(err error) { got <- err }})
		t.Log(<-got)
		p.Wait(t.Context())
	}
	t.Logf("%+v %v", p.Stats(), goroutineID())
	p.Close()
}
