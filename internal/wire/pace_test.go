package wire_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// A batch ends with a command that says so, and what is behind it goes with the next one.
func TestLast(t *testing.T) {
	t.Parallel()
	lane, redis := fake(echo)
	o := newOutbox("n", lane, time.Minute)
	var calls []call
	for _, word := range []string{"a", "b", "c", "d", "e"} {
		c := noting(note, word)
		c.Last = word == "b" || word == "e"
		calls = append(calls, c)
		o.Add(c)
	}
	pump(t, o)
	for i, c := range calls {
		v, err := answer(t, c)
		assert.NoError(t, err)
		assert.Equal(t, string("abcde"[i]), v)
	}
	assert.Equal(t, []string{"a b/0", "c d e/0"}, redis.sent())
}

// The second batch goes behind the first at a distance, if it is worth a call.
func TestDistance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(r string) (string, error) {
			time.Sleep(10 * time.Millisecond)
			return echo(r)
		}
		lane, redis := fake(echo, slow)
		o := newOutbox("n", lane, time.Minute)
		o.Add(noting(note, "known")) // the connection knows the script from now on
		pump(t, o)
		add := func(n int) {
			for i := range n {
				o.Add(noting(note, fmt.Sprint(i)))
			}
			o.Flush()
			synctest.Wait()
		}
		add(20)
		assert.False(t, o.Another(), "nothing waits")
		add(4)
		assert.False(t, o.Another(), "too few")
		add(1)
		assert.True(t, o.Another())
		assert.False(t, o.Distant())
		assert.Len(t, redis.sent(), 2)
		time.Sleep(time.Millisecond)
		assert.True(t, o.Distant())
		o.Flush()
		synctest.Wait()
		assert.Len(t, redis.sent(), 3)
		add(100)
		time.Sleep(time.Millisecond)
		assert.False(t, o.Another(), "two are under way")
		pump(t, o)
	})
}

// The farther Redis is, the more batches may be under way, and all are answered in the order in which they were sent. For
// commands that nobody waits for two are enough.
func TestFlights(t *testing.T) {
	t.Parallel()
	for way, flights := range map[time.Duration]int{100 * time.Microsecond: 2, 600 * time.Microsecond: 3, 1100 * time.Microsecond: 4, time.Second: 6} {
		t.Run(way.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lane, redis := fake(func(r string) (string, error) {
					time.Sleep(way)
					return echo(r)
				})
				o := newOutbox("n", lane, time.Minute)
				o.Add(noting(note, "known"))
				pump(t, o)
				var settled []string
				fill := func(word string, unhurried bool) (batches int) {
					before := len(redis.sent())
					for i := range 10 {
						for j := range 10 {
							word := fmt.Sprintf("%s%d-%d", word, i, j)
							c := &settling{noting(note, word), word, &settled}
							c.Unhurried = unhurried
							o.Add(c)
						}
						flush(o)
						synctest.Wait()
					}
					batches = len(redis.sent()) - before
					pump(t, o)
					return batches
				}
				assert.Equal(t, flights, fill("a", false))
				assert.Equal(t, 2, fill("b", true))
				assert.Len(t, settled, 200)
				assert.True(t, slices.IsSorted(settled), "%q", settled)
			})
		})
	}
}

// settling notes when it is settled.
type settling struct {
	call
	word    string
	settled *[]string
}

func (s *settling) Settle(err error) {
	s.call.Settle(err)
	if err == nil {
		*s.settled = append(*s.settled, s.word)
	}
}

// An owner waits a part of a flight for what it expects. Where that was in vain it does not try again for a while, which
// doubles each time.
func TestLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lane, _ := fake(func(r string) (string, error) {
			time.Sleep(1600 * time.Microsecond)
			return echo(r)
		})
		o := newOutbox("n", lane, time.Minute)
		assert.False(t, o.Lingers(), "nothing is expected")
		for range 30 {
			o.Add(noting(note, "w"))
			pump(t, o)
		}
		waits := func() (long time.Duration) {
			for ; o.Lingers(); long += time.Microsecond {
				time.Sleep(time.Microsecond)
			}
			return long
		}
		o.Expect(2)
		o.Arrived()
		assert.True(t, o.Lingers(), "one of two is here")
		o.Arrived()
		assert.False(t, o.Lingers())
		o.Arrived() // nobody expected it
		for _, pause := range []int{2, 4, 8} {
			o.Expect(1)
			assert.InDelta(t, 100*time.Microsecond, waits(), float64(2*time.Microsecond), "a sixteenth of a flight")
			for range pause {
				o.Expect(1)
				assert.Zero(t, waits(), "it was in vain before")
			}
		}
		o.Expect(1)
		o.Arrived()
		for range 2 {
			o.Expect(1)
			assert.NotZero(t, waits(), "it was not in vain the last time")
			o.Expect(1)
			o.Expect(1)
		}
	})
}

// A flight of seconds is no reason to wait long.
func TestLingerHasALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lane, _ := fake(func(r string) (string, error) {
			time.Sleep(time.Second)
			return echo(r)
		})
		o := newOutbox("n", lane, time.Minute)
		o.Add(noting(note, "w"))
		pump(t, o)
		o.Expect(1)
		time.Sleep(199 * time.Microsecond)
		assert.True(t, o.Lingers())
		time.Sleep(2 * time.Microsecond)
		assert.False(t, o.Lingers())
	})
}

// Nobody waits for commands that could not go with what waits already.
func TestNoLingeringInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lane, _ := fake(func(r string) (string, error) {
			time.Sleep(10 * time.Millisecond)
			return echo(r)
		}, lost)
		o := newOutbox("n", lane, time.Minute)
		o.Add(noting(note, "w"))
		pump(t, o)
		o.Expect(1)
		assert.True(t, o.Lingers())
		for range wire.MaxBatch {
			o.Add(repeatable(noting(note, "w")))
		}
		assert.False(t, o.Lingers(), "the batch is full")
		o.Flush()
		o.Land(<-o.Landed())
		o.Expect(1)
		assert.False(t, o.Lingers(), "nothing is sent before the next attempt")
		o.Abort(errCut)
	})
}
