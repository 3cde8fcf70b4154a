package job

import (
	"context"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
)

// AsyncOptions are for Jobs.Async. The zero value is right for most.
type AsyncOptions struct {
	// Pending is how many jobs may be accepted and not yet stored. One more waits, and so
	// does one behind 64 MiB of them. Defaults to 4096.
	Pending int
}

// An Async puts jobs without waiting for the answers: for callers that would need a
// goroutine for each job on its way. Jobs are put in the order in which they were
// accepted; towards other calls of the job set they have no order before Flush. Safe for
// concurrent use. It needs no closing; when the engine closes, what was accepted is
// answered: with ErrStopped if it was not sent.
type Async struct {
	jobs *Jobs
	sent *host.Async[command]
}

// Async returns a new Async of the job set.
func (j *Jobs) Async(o AsyncOptions) *Async {
	return &Async{jobs: j, sent: host.NewAsync(host.AsyncConfig[command]{
		Name:    j.h,
		Pending: o.Pending,
		Call: func(p *host.Part, groups int) actor.Asker[[]int64] {
			c := newPutting(p.Args, groups, p.Soonest)
			c.Ordered = true
			return c
		},
		Outcome: outcome,
		Wrap:    func(err error) error { return j.wrap("put", err) },
	})}
}

// Put accepts a job and returns its id. It blocks only while Pending jobs or 64 MiB are on
// their way, at most until ctx ends; an error means that the job was not accepted, and
// wraps ErrNotSent. body can be used again at once.
//
// done, if it is not nil, is called once with what Jobs.Put would have returned, in the
// order of acceptance, on a goroutine of the Async. It holds up those behind it until it
// returns or ends its goroutine (runtime.Goexit, t.FailNow), and must
// not call the Async.
func (a *Async) Put(ctx context.Context, body []byte, done func(id string, err error), opts ...PutOptions) (id string, err error) {
	o := last(opts)
	it := item{id: o.ID, body: body, own: o.ID != ""}
	if !it.own {
		it.id = contract.NewID()
	}
	if err := a.jobs.checkPut(it, o); err != nil {
		return "", a.jobs.wrap("put", host.Refused(err))
	}
	err = a.sent.Add(ctx, it.id, done, func(p *host.Part, first bool) {
		if o.Delay > 0 && (p.Soonest == 0 || o.Delay < p.Soonest) {
			p.Soonest = o.Delay
		}
		p.Args = it.appendTo(p.Args.NumberIf(first), o)
	})
	if err != nil {
		return "", err
	}
	return it.id, nil
}

// Flush waits until all jobs accepted before it are answered, or ctx ends. It returns
// the first error among all jobs answered since the last Flush.
func (a *Async) Flush(ctx context.Context) error { return a.sent.Flush(ctx) }
