package direct

import (
	"context"
	"fmt"
	"time"
)

// A Pipeline sends calls that were built beforehand, some of them in flight at a time.
//
// One goroutine writes and reads. Redis always has the other calls to work on while it does, so a second goroutine
// would add nothing but its wake-ups. It cannot lock up: Redis keeps answers in memory and never waits for us to read.
type Pipeline struct {
	Depth int                          // calls in flight
	Most  int64                        // calls there are, counted from number 0; 0: any number
	Next  func(i int64) []byte         // the bytes of call i; they are not looked at again once the next call is made
	Check func(i int64, r Reply) error // looks at the answer to call i
}

// Run sends calls until d has passed, ctx ends or there are no more, then reads the answers to those in flight. It counts from call
// number from.
func (c *Conn) Run(ctx context.Context, p Pipeline, from int64, d time.Duration) (calls int64, elapsed time.Duration, err error) {
	start := time.Now()
	end := start.Add(d)
	if err := c.net.SetDeadline(end.Add(patience)); err != nil {
		return 0, 0, err
	}
	sent, answered := from, from
	for more := true; more || answered < sent; {
		if more = more && ctx.Err() == nil && time.Now().Before(end) && (p.Most == 0 || sent < p.Most); more {
			if _, err := c.net.Write(p.Next(sent)); err != nil {
				return 0, 0, err
			}
			sent++
			if sent-answered < int64(p.Depth) {
				continue
			}
		}
		if answered == sent {
			break
		}
		r, err := c.reply()
		if err == nil {
			err = p.Check(answered, r)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("call %d: %w", answered, err)
		}
		answered++
	}
	return answered - from, time.Since(start), nil
}
