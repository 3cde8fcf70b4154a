package redistest

import (
	"testing"
	"time"
)

// BenchmarkProxy is the cost of a round trip directly, through a proxy, and of 100 pipelined commands through a delay.
func BenchmarkProxy(b *testing.B) {
	target := Shared(b)
	ping := func(b *testing.B, url string, cmds int) {
		c := Client(b, url)
		batch := make([][]any, cmds)
		for i := range batch {
			batch[i] = []any{"PING"}
		}
		for b.Loop() {
			c.Pipeline(batch...)
		}
	}
	b.Run("direct", func(b *testing.B) { ping(b, target.URL(), 1) })
	b.Run("proxy", func(b *testing.B) { ping(b, NewProxy(b, target.URL()).URL(), 1) })
	b.Run("direct100", func(b *testing.B) { ping(b, target.URL(), 100) })
	b.Run("proxy100", func(b *testing.B) { ping(b, NewProxy(b, target.URL()).URL(), 100) })
	b.Run("delay1ms", func(b *testing.B) {
		p := NewProxy(b, target.URL())
		p.Delay(time.Millisecond)
		ping(b, p.URL(), 1)
	})
}
