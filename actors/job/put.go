package job

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Priority says at which end of the line a job is put.
type Priority int

// The priorities.
const (
	// Normal jobs are claimed in the order in which they were put.
	Normal Priority = iota
	// High jobs are claimed before all that wait, a later one before an earlier
	// one: so the contract has it.
	High
)

// PutOptions are for Put and PutMany. The zero value is right for most.
type PutOptions struct {
	// ID of the job. Defaults to a generated one. Not for PutMany.
	ID string
	// Priority of the job. A delayed job is Normal when it becomes available.
	Priority Priority
	// Delay before the job becomes available, in whole milliseconds.
	Delay time.Duration
}

// Put puts a job and returns its id. It wakes one idle worker, in whatever
// process. ErrExists: a job of the given id exists; nothing was written.
//
// Nil means that the job is stored. After a lost reply the call is repeated by
// itself, without putting the job twice. Whether a job of an id of your own existed
// before cannot be told any more then: nil means that one with this body is there,
// and ErrOutcomeUnknown that it is not, or has another body.
func (j *Jobs) Put(ctx context.Context, body []byte, opts ...PutOptions) (id string, err error) {
	o := last(opts)
	it := item{id: o.ID, body: body, own: o.ID != ""}
	if !it.own {
		it.id = contract.NewID()
	}
	if err := j.checkPut(it, o); err != nil {
		return "", j.wrap("put", host.Refused(err))
	}
	status, err := j.putOne(ctx, it, o)
	if err == nil {
		err = outcome(status)
	}
	if err != nil {
		return "", j.wrap("put", err)
	}
	return it.id, nil
}

func (j *Jobs) putOne(ctx context.Context, it item, o PutOptions) (status int64, err error) {
	if o.Delay > 0 { // the owner has to know
		c := putPart([]item{it}, o)
		statuses, err := actor.Ask[[]int64](ctx, j.h, c)
		if err != nil {
			return 0, err
		}
		return statuses[0], nil
	}
	c := j.kind.host.Calls.New(put, 4, 16+len(it.id)+len(it.body)+maxOptions)
	defer j.kind.host.Calls.Free(c)
	c.Args = it.appendTo(c.Args.Number(), o)
	c.Numbered, c.Repeatable = true, true
	return actor.Ask[int64](ctx, j.h, c)
}

// An Outcome is what became of one job of PutMany.
type Outcome struct {
	ID  string // generated
	Err error  // nil: stored
}

// PutMany puts jobs in order, in one round trip as long as they are up to 256 and
// 256 KiB. More are sent in parts, several at a time; each part takes effect in
// one step. err is nil if all jobs are stored; the outcomes say which.
func (j *Jobs) PutMany(ctx context.Context, bodies [][]byte, opts ...PutOptions) ([]Outcome, error) {
	o := last(opts)
	if o.ID != "" {
		return nil, j.wrap("put", host.Refused(fmt.Errorf("%w: PutMany generates the ids", contract.ErrInvalidID)))
	}
	outcomes, items := make([]Outcome, len(bodies)), make([]item, len(bodies))
	for i, b := range bodies {
		items[i] = item{id: contract.NewID(), body: b}
		outcomes[i].ID = items[i].id
		if err := j.checkPut(items[i], o); err != nil {
			return nil, j.wrap("put", host.Refused(fmt.Errorf("item %d: %w", i, err)))
		}
	}
	failed := host.SendParts(ctx, j.h, len(items),
		func(i int) int { return len(items[i].body) },
		func(from, to int) (*putting, error) {
			c := putPart(items[from:to], o)
			c.Ordered = to-from < len(items)
			return c, nil
		},
		func(from, to int, statuses []int64, err error) error {
			var first error
			for i := from; i < to; i++ {
				one := err
				if one == nil {
					one = outcome(statuses[i-from])
				}
				if one != nil {
					outcomes[i].Err = j.wrap("put", one)
					if first == nil {
						first = outcomes[i].Err
					}
				}
			}
			return first
		})
	return outcomes, failed
}

// outcome is what a status of put.lua means.
func outcome(status int64) error {
	switch status {
	case 0:
		return ErrExists
	case 1:
		return nil
	case 2:
		return fmt.Errorf("%w: the call was repeated, and the id may have existed before", actor.ErrOutcomeUnknown)
	default:
		return host.Refusal(status, contract.TypeJob)
	}
}

type item struct {
	id   string
	body []byte
	own  bool
}

func (j *Jobs) checkPut(it item, o PutOptions) error {
	if it.own {
		if err := contract.CheckID(it.id); err != nil {
			return err
		}
	}
	if o.Delay < 0 {
		return fmt.Errorf("%w: Delay is %v, it must not be negative", ErrInvalidDelay, o.Delay)
	}
	return contract.CheckItem(it.body, j.kind.host.MaxItem)
}

// appendTo appends what follows the number in a group of put.lua.
func (it item) appendTo(args wire.Args, o PutOptions) wire.Args {
	return args.String(it.id).Bytes(it.body).String(it.options(o))
}

// maxOptions is the length of options at most.
const maxOptions = 2 + 20

// options are what put.lua calls so: empty for most jobs, since Redis takes its time for each argument.
func (it item) options(o PutOptions) string {
	if !it.own && o.Priority != High && o.Delay == 0 {
		return ""
	}
	text := []byte("00")
	if it.own {
		text[0] = '1'
	}
	if o.Priority == High {
		text[1] = '1'
	}
	return string(strconv.AppendInt(text, o.Delay.Milliseconds(), 10))
}

// A putting is a put of some jobs, which may make jobs due soon.
type putting struct {
	wire.Call[[]int64]
	delay time.Duration
}

// putPart puts jobs that were checked, in one call.
func putPart(items []item, o PutOptions) *putting {
	size := 16
	for _, it := range items {
		size += len(it.id) + len(it.body) + maxOptions
	}
	args := wire.NewArgs(4*len(items), size)
	for i, it := range items {
		args = it.appendTo(args.NumberIf(i == 0), o)
	}
	return newPutting(args, len(items), o.Delay)
}

func newPutting(args wire.Args, groups int, delay time.Duration) *putting {
	p := &putting{delay: delay.Truncate(time.Millisecond)}
	p.Request = wire.Request{Script: put, Args: args, Groups: groups, Numbered: true, Repeatable: true}
	p.Read = wire.Statuses
	p.Init()
	return p
}

func last(opts []PutOptions) PutOptions {
	if len(opts) == 0 {
		return PutOptions{}
	}
	return opts[len(opts)-1]
}
