package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// Retry makes a stalled job available again, at the back of the line and without
// failures. ErrNotStalled: it is not stalled; nothing was changed.
func (j *Jobs) Retry(ctx context.Context, id string) error {
	status, err := j.manage(ctx, retry, id)
	switch {
	case err != nil:
	case status == 0:
		err = ErrNotStalled
	case status == 2:
		err = fmt.Errorf("%w: the call was repeated, and the job is not stalled", actor.ErrOutcomeUnknown)
	}
	return j.wrap("retry", err)
}

// RetryAll makes all stalled jobs available again, in steps of 500, and returns how
// many that were.
func (j *Jobs) RetryAll(ctx context.Context) (n int, err error) {
	for {
		c := wire.NewSingle(retryAll, 1, wire.NewArgs(1, 8).Int(500), func(r wire.Reader, _ int) (v [3]int64, err error) {
			if err = r.Array(3); err != nil {
				return v, err
			}
			for i := range v {
				if v[i], err = r.Int(); err != nil {
					return v, err
				}
			}
			return v, nil
		})
		c.Repeatable = true
		v, err := ask(ctx, j, c)
		if err == nil {
			err = host.Refusal(v[0], contract.TypeJob)
		}
		n += int(v[1])
		if err != nil || v[2] == 0 {
			return n, j.wrap("retry all", err)
		}
	}
}

// notRun is the status of a retraction for which the others in its call left no time.
const notRun = -7

// Retract removes a job, whatever its state. A handler that runs it goes on until
// its lease is renewed next; then its context ends with ErrNotOwner. ErrNotFound if
// there is none of that id.
//
// Cost: Redis walks the list of available ids.
func (j *Jobs) Retract(ctx context.Context, id string) error {
	status, err := j.manage(ctx, retract, id)
	for err == nil && status == notRun {
		status, err = j.manage(ctx, retract, id)
	}
	if err == nil && status == 0 {
		err = ErrNotFound
	}
	return j.wrap("retract", err)
}

func (j *Jobs) manage(ctx context.Context, s *wire.Script, id string) (int64, error) {
	if err := contract.CheckID(id); err != nil {
		return 0, host.Refused(err)
	}
	c := wire.NewCall(s, 1, wire.NewArgs(1, len(id)).String(id), wire.Worst)
	c.Repeatable = true
	return ask(ctx, j, c)
}

var (
	// ErrStalled is returned by Wait for a job that is stalled. The message has the
	// job's last error.
	ErrStalled = errors.New("job: stalled")
	// ErrRetracted is returned by Wait for a job that was removed.
	ErrRetracted = errors.New("job: retracted")
)

// waiting is how long the job set remembers that somebody waits.
const waiting = time.Minute

// Wait waits for the end of a job and returns its result; nil if it has none.
// ErrStalled: it is, or was put, aside; ErrRetracted: it was removed; ErrNotFound:
// there is no such job, any more: its result, if it had one, is not kept.
//
// A job without a result that a peer finishes tells nobody: Wait finds out within a
// minute.
func (j *Jobs) Wait(ctx context.Context, id string) (result []byte, err error) {
	result, err = j.wait(ctx, id)
	return result, j.wrap("wait", err)
}

func (j *Jobs) wait(ctx context.Context, id string) ([]byte, error) {
	channels := j.kind.host.Channels(j.Name(), contract.JobFinish, contract.JobEnded)
	sub, err := j.kind.host.Subscribe(ctx, pubsubhub.Options{
		Channels: channels,
		Filter: func(m pubsubhub.Message) bool {
			of, _ := contract.SplitPayload(m.Payload)
			return of == id
		},
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Close() }()
	for there := false; ; there = true {
		i, err := j.info(ctx, id, waiting)
		switch {
		case err != nil:
			return nil, err
		case i.State == Finished:
			return i.Result, nil
		case i.State == Stalled:
			return nil, fmt.Errorf("%w: %s", ErrStalled, i.Error)
		case i.State == "" && there:
			return nil, nil // it was there, and has ended without a result
		case i.State == "":
			return nil, ErrNotFound
		}
		// The job may have ended before the messages began, and been told by info;
		// it cannot have ended unnoticed since.
		again, cancel := context.WithTimeout(ctx, waiting/2)
		m, err := sub.Next(again)
		cancel()
		switch {
		case err != nil && again.Err() != nil && ctx.Err() == nil, err == nil && m.Lost():
			continue // ask again
		case errors.Is(err, pubsubhub.ErrClosed):
			return nil, actor.ErrStopped
		case err != nil:
			return nil, fmt.Errorf("%w (%w)", err, actor.ErrNotSent)
		}
		_, rest := contract.SplitPayload(m.Payload)
		if m.Channel == channels[0] {
			return rest, nil
		}
		switch string(rest) {
		case "finished":
			return nil, nil
		case "retracted":
			return nil, ErrRetracted
		}
	}
}
