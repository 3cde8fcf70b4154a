package job

import (
	"context"
	"iter"
	"time"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A State is where a job is. Each is at every moment in exactly one.
type State string

// The states.
const (
	Available State = "available"
	Claimed   State = "claimed"
	Delayed   State = "delayed"
	Stalled   State = "stalled"
	Finished  State = "finished" // its result is still kept

	// All jobs, in any of the first four states: for IDs.
	All State = "all"
)

// Counts are the numbers of jobs by state.
type Counts struct {
	Available, Claimed, Delayed, Stalled int
	// Jobs in all: more than the sum above while some are in nobody's hands, which
	// is when a process has died a moment ago.
	Jobs int
	// Put and Finished count since the job set was created. Peers count along.
	Put, Finished int64
	Paused        bool
}

// Counts reads the numbers of jobs, in one step and at the same cost for long
// queues.
func (j *Jobs) Counts(ctx context.Context) (Counts, error) {
	c := wire.NewSingle(counts, 0, nil, func(r wire.Reader, _ int) (n struct {
		status int64
		Counts
	}, err error) {
		if err = r.Array(9); err != nil {
			return n, err
		}
		if n.status, err = r.Int(); err != nil {
			return n, err
		}
		for _, field := range []*int{&n.Available, &n.Claimed, &n.Stalled, &n.Delayed, &n.Jobs} {
			v, err := r.Int()
			if err != nil {
				return n, err
			}
			*field = int(v)
		}
		if n.Put, err = r.Int(); err != nil {
			return n, err
		}
		if n.Finished, err = r.Int(); err != nil {
			return n, err
		}
		paused, _, err := r.String()
		n.Paused = paused == "1"
		return n, err
	})
	c.ReadOnly = true
	n, err := ask(ctx, j, c)
	if err == nil {
		err = host.Refusal(n.status, contract.TypeJob)
	}
	return n.Counts, j.wrap("counts", err)
}

// IDs ranges over the ids of the jobs in a state, in pages: what changes meanwhile
// may be missing, or be seen twice. Available jobs come in the order in which they
// will be claimed, claimed and delayed ones by time. After an error the walk is
// over.
func (j *Jobs) IDs(ctx context.Context, s State) iter.Seq2[string, error] {
	cursor := "0"
	return func(yield func(string, error) bool) {
		for id, err := range host.Pages(func() ([]string, bool, error) {
			args := wire.NewArgs(3, 64).String(string(s)).String(cursor).Int(host.MaxPage)
			p, err := j.scan(ctx, wire.NewSingle(page, 3, args, readScan))
			cursor = p.cursor
			return p.ids, p.cursor != "0", err
		}) {
			if !yield(id, j.wrap("ids", err)) {
				return
			}
		}
	}
}

// Info is what is known of one job.
type Info struct {
	ID       string
	State    State
	Body     []byte
	Failures int    // since it was put or retried
	Error    string // of the last failure
	Progress string // as the worker that runs it told
	Put      time.Time
	Due      time.Time // when a delayed job becomes available
	Result   []byte    // of a finished job, while it is kept; nil: none
}

// Info reads what is known of a job. ErrNotFound: there is none of that id, or it
// has finished and no result is kept.
func (j *Jobs) Info(ctx context.Context, id string) (Info, error) {
	i, err := j.info(ctx, id, 0)
	if err == nil && i.State == "" {
		err = ErrNotFound
	}
	return i, j.wrap("info", err)
}

// info also tells the job set that somebody waits for a job's end.
func (j *Jobs) info(ctx context.Context, id string, waiting time.Duration) (Info, error) {
	if err := contract.CheckID(id); err != nil {
		return Info{}, host.Refused(err)
	}
	args := wire.NewArgs(2, len(id)+20).String(id).Int(waiting.Milliseconds())
	c := wire.NewSingle(info, 2, args, readInfo)
	c.ReadOnly, c.Keyed, c.Suffix = true, true, id
	reply, err := ask(ctx, j, c)
	if err == nil {
		err = host.Refusal(reply.status, contract.TypeJob)
	}
	reply.ID = id
	return reply.Info, err
}

type infoReply struct {
	status int64
	Info
}

func readInfo(r wire.Reader, _ int) (i infoReply, err error) {
	if err = r.Array(9); err != nil {
		return i, err
	}
	if i.status, err = r.Int(); err != nil {
		return i, err
	}
	state, _, err := r.String()
	if err != nil {
		return i, err
	}
	i.State = State(state)
	if i.Body, err = r.Bytes(); err != nil {
		return i, err
	}
	failures, err := r.Int()
	if err != nil {
		return i, err
	}
	i.Failures = int(failures)
	if i.Error, _, err = r.String(); err != nil {
		return i, err
	}
	if i.Progress, _, err = r.String(); err != nil {
		return i, err
	}
	for _, t := range []*time.Time{&i.Put, &i.Due} {
		ms, err := r.Int()
		if err != nil {
			return i, err
		}
		if ms > 0 {
			*t = time.UnixMilli(ms)
		}
	}
	i.Result, err = r.Bytes()
	return i, err
}

// Failures reads how often a job has failed since it was put or retried: 0 also
// for a job that does not exist (contract 6).
func (j *Jobs) Failures(ctx context.Context, id string) (int, error) {
	i, err := j.info(ctx, id, 0)
	return i.Failures, j.wrap("failures", err)
}
