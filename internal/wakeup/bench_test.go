package wakeup

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/thoonk-go/thoonk/internal/redistest"
)

// BenchmarkWake measures from a peer's LPUSH to the call of Wake, with the name
// armed again before each.
func BenchmarkWake(b *testing.B) {
	for _, neighbours := range []int{0, 63} {
		b.Run(fmt.Sprint("neighbours=", neighbours), func(b *testing.B) {
			target := redistest.Shared(b)
			peer := redistest.Client(b, target.URL())
			w := onServer(b, target, Config{})
			name := redistest.Name(b)
			woken := make(chan time.Time, 1)
			waiter := waiterFunc(func(string) bool { woken <- time.Now(); return true })
			for range neighbours {
				w.Arm(redistest.Name(b), waiter)
			}
			var took []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				w.Arm(name, waiter)
				b.StopTimer()
				blocked(b, w)
				b.StartTimer()
				start := time.Now()
				put(peer, name, "1")
				took = append(took, (<-woken).Sub(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
		})
	}
}

// BenchmarkPickUp is a name that is armed when an id is there already, as after
// finding a queue empty that is not.
func BenchmarkPickUp(b *testing.B) {
	for _, neighbours := range []int{0, 63} {
		b.Run(fmt.Sprint("neighbours=", neighbours), func(b *testing.B) {
			target := redistest.Shared(b)
			peer := redistest.Client(b, target.URL())
			w := onServer(b, target, Config{})
			name, box := redistest.Name(b), newBox(1)
			for range neighbours {
				w.Arm(redistest.Name(b), box)
			}
			blocked(b, w)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				put(peer, name, "1")
				b.StartTimer()
				w.Arm(name, box)
				<-box.ids
			}
		})
	}
}
