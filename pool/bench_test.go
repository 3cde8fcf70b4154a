package pool

import (
	"context"
	"testing"
	"time"
)

func nothing(context.Context) error { return nil }

func cancellable(ctx context.Context) error { _ = ctx.Done(); return nil }

// One task after the other: take a slot, run the task on its goroutine, hear that it is done.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range []struct {
		name  string
		limit int
		task  Task
	}{
		{"plain", 0, Task{Do: nothing}},
		{"limit", 8, Task{Do: nothing}},
		{"done channel", 0, Task{Do: cancellable}},
		{"timeout", 0, Task{Do: nothing, Timeout: time.Minute}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := New(c.limit)
			defer p.Close()
			g := p.Group(Options{})
			back := make(chan error, 1)
			c.task.Done = func(err error) { back <- err }
			b.ReportAllocs()
			for b.Loop() {
				for g.TryAcquire(1) == 0 { // Done runs before the slot is free
				}
				g.Go(c.task)
				<-back
			}
		})
	}
}

// One goroutine starts tasks, as an actor does: sixteen workers, told by OnFree.
func BenchmarkStream(b *testing.B) {
	p := New(0)
	defer p.Close()
	g := p.Group(Options{})
	free := make(chan struct{}, 1)
	g.OnFree(func() {
		select {
		case free <- struct{}{}:
		default:
		}
	})
	task := Task{Do: nothing, Timeout: time.Minute}
	b.ReportAllocs()
	for left := b.N; left > 0; {
		got := g.TryAcquire(min(left, 16))
		for range got {
			g.Go(task)
		}
		if left -= got; got == 0 {
			<-free
		}
	}
	if err := p.Wait(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// Slots alone, from all processors.
func BenchmarkTryAcquireRelease(b *testing.B) {
	p := New(1000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		g := p.Group(Options{Workers: 2})
		for pb.Next() {
			g.Release(g.TryAcquire(1))
		}
	})
}
