package wire_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// Where the way is long, a crowd travels in two halves that keep a distance; a few
// callers do not wait for each other.
func TestTwoBatchesKeepADistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const trip = 4 * time.Millisecond
		lane, redis := fake(func(request string) (string, error) {
			time.Sleep(trip)
			return echo(request)
		})
		o := newOutbox("n", lane, time.Minute)
		o.Add(noting(note, "w"))
		pump(t, o) // so that it knows how long the way is
		crowd := func(n int) {
			for range n {
				o.Add(noting(note, "w"))
			}
			o.Flush()
			synctest.Wait()
		}
		sent := func() int {
			n := 0
			for _, r := range redis.requests {
				for _, args := range commands(r) {
					n += len(args) - 5
				}
			}
			return n - 1 // the first
		}

		crowd(40)
		assert.Equal(t, 20, sent())
		o.Flush()
		assert.Equal(t, 20, sent())
		start := time.Now()
		<-o.Spaced()
		assert.Equal(t, trip/4, time.Since(start))
		o.Flush()
		synctest.Wait()
		assert.Equal(t, 40, sent())
		pump(t, o)

		crowd(3)
		assert.Equal(t, 43, sent())
		crowd(2)
		assert.Equal(t, 45, sent())
		pump(t, o)
	})
}
