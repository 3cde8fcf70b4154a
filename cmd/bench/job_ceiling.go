package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/direct"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A jobCeiling claims 64 jobs per call, and finishes them in another call, which is sent when the answer to the claim is
// there: in a pipeline of a calls, call 2f+a finishes what call f brought, or call 2f-a+1 from claim a on.
type jobCeiling struct {
	ahead  int64 // a: claims that are answered or on their way before the first finish is sent
	puts   *prebuilt
	claims [2][]byte // of the engine's two slots, in turn
	number int       // where the number of a claim begins
	token  int64     // length

	finish  []byte
	ids     []int // where the call's digits begin, in finish
	numbers []int // where the claim's number begins in tokens
}

func newJobCeiling(puts *prebuilt, name string, ahead int) *jobCeiling {
	const instance, lease = "00000000000000000000000000000000", "10000"
	c := &jobCeiling{puts: puts, ahead: int64(ahead)}
	for slot := range c.claims {
		c.claims[slot] = singleCall(jobScript("claim"), name, 6,
			wire.NewArgs(6, 64).Number().Int(int64(slot)).Int(batchItems).String(instance).String(lease).Int(600_000))
	}
	c.number = numbersAt(c.claims[0])[0]

	first := puts.ids[0][0]
	run := string(puts.calls[0][first-16 : first]) // which all ids begin with
	token := fmt.Sprintf("%s:%016d:%s", instance, 0, lease)
	c.token = int64(len(token))
	args := wire.NewArgs(3*batchItems, batchItems*(32+len(token)))
	for i := range batchItems {
		args = args.String(fmt.Sprintf("%s%012x%04x", run, 0, i)).String(token).String("")
	}
	c.finish = jobScript("finish").AppendCall(nil, name, batchItems, args)
	for from := 0; len(c.ids) < batchItems; {
		from += bytes.Index(c.finish[from:], []byte(run)) + len(run)
		c.ids = append(c.ids, from)
		from += bytes.Index(c.finish[from:], []byte(token)) + len(instance) + 1
		c.numbers = append(c.numbers, from)
	}
	return c
}

// which is the claim that call i makes or finishes.
func (c *jobCeiling) which(i int64) (claim int64, finishes bool) {
	switch {
	case i < c.ahead:
		return i, false
	case (i-c.ahead)%2 == 0:
		return (i - c.ahead) / 2, true
	default:
		return (i + c.ahead - 1) / 2, false
	}
}

// done is how many claims were made, and how many of them finished, in that many calls.
func (c *jobCeiling) done(calls int64) (claimed, finished int64) {
	finished = max(0, (calls-c.ahead+1)/2)
	return calls - finished, finished
}

// next is call i.
func (c *jobCeiling) next(i int64) []byte {
	n, finishes := c.which(i)
	if !finishes {
		return c.claim(n)
	}
	return c.finishOf(n)
}

func (c *jobCeiling) claim(n int64) []byte {
	call := c.claims[n%2]
	setNumber(call, c.number, n)
	return call
}

func (c *jobCeiling) finishOf(n int64) []byte {
	digits := hexDigits(n)
	for i, at := range c.ids {
		copy(c.finish[at:at+len(digits)], digits[:])
		setNumber(c.finish, c.numbers[i], n)
	}
	return c.finish
}

// check looks at the answer to call i.
func (c *jobCeiling) check(i int64, reply direct.Reply) error {
	n, finishes := c.which(i)
	if finishes {
		return same("the sum of 64 statuses", reply.Sum, batchItems) // 1 is finished
	}
	return c.brought(n, reply)
}

// brought is an error unless claim n has brought the jobs that were the next.
func (c *jobCeiling) brought(n int64, reply direct.Reply) error {
	want := 1 + c.token + 32*batchItems // "0" for more, ids, items
	for seq := n * batchItems; seq < (n+1)*batchItems; seq++ {
		want += int64(len(c.puts.body(seq)))
	}
	return same("the length of 64 jobs", reply.Bytes, want)
}

// hexDigits are the twelve of a call in ids.
func hexDigits(n int64) (digits [12]byte) {
	const hex = "0123456789abcdef"
	for d, v := len(digits)-1, uint64(n); d >= 0; d, v = d-1, v>>4 {
		digits[d] = hex[v&15]
	}
	return digits
}

func drainJobsCeiling(ctx context.Context, e *Env) (Result, error) {
	control, conn, err := directJobs(ctx, e)
	if err != nil {
		return Result{}, err
	}
	d, err := fillJobs(ctx, e, control)
	if err != nil {
		return Result{}, err
	}
	c := newJobCeiling(d.puts, control.Name(), e.depth())
	r, err := e.MeasurePipeline(ctx, conn, batchItems/2, direct.Pipeline{ // two calls for 64 jobs
		Most:  2*d.items/batchItems - c.ahead,
		Next:  c.next,
		Check: c.check,
	})
	if err != nil {
		return r, err
	}
	claimed, finished := c.done(r.Total / (batchItems / 2))
	return r, checkJobs(ctx, e, control, d.items-claimed*batchItems, (claimed-finished)*batchItems, finished*batchItems)
}
