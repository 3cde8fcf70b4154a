package peer

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// A Job is what a claim gives.
type Job struct {
	ID, Body string
	NoItem   bool // thoonk.py claims ids without an item
	Failures int
}

// PutJob puts a job; an empty id stands for a generated one, as any does in thoonk.py. ErrExists: there is one.
func (p *Peer) PutJob(name, id, body string, high bool) (string, error) {
	if id == "" || p.py {
		id = contract.NewID()
	}
	items := contract.Items.Of(name)
	var watch []any
	if !p.py {
		watch = []any{items}
	}
	_, err := p.atomic(watch, func() ([]command, error) {
		if !p.py {
			if err := p.stored(name, id); err != ErrNotFound {
				return nil, or(err, ErrExists)
			}
		}
		now, err := p.stamp()
		return append(p.push(name, id, high), cmd("INCRBY", contract.Publishes.Of(name), 1), cmd("HSET", items, id, body),
			cmd("ZADD", contract.Published.Of(name), now, id)), err
	})
	if err == nil {
		err = p.notice(name, contract.Publishes, id+"\x00"+body)
	}
	return id, err
}

// notice tells of a put or a claim: thoonk.py always does, and too late to be in one step with it.
func (p *Peer) notice(name string, k contract.Key, payload string) error {
	if !p.py {
		on, _, err := p.text("HGET", contract.Config.Of(name), "notices")
		if err != nil || on != "1" {
			return err
		}
	}
	return p.send("PUBLISH", k.Of(name), payload)
}

// Claim claims the next job: pops its id, and then notes the claim. ErrEmpty as with pop.
func (p *Peer) Claim(name string, wait time.Duration) (Job, error) {
	for {
		id, err := p.pop(name, wait)
		if err != nil {
			return Job{}, err
		}
		j, err := p.claim(name, id)
		if err != ErrNotFound || p.py {
			return j, err
		}
	}
}

// claim is the second step. What has no item, or is in another state, is dropped: peers queue ids twice.
func (p *Peer) claim(name, id string) (Job, error) {
	items, claimed, stalled := contract.Items.Of(name), contract.Claimed.Of(name), contract.Stalled.Of(name)
	var watch []any
	if !p.py {
		watch = []any{items, claimed, stalled}
	}
	var now string
	results, err := p.atomic(watch, func() ([]command, error) {
		if !p.py {
			if err := p.stored(name, id); err != nil {
				return nil, err
			}
			rank, err := p.number("ZRANK", claimed, id)
			if err != nil || rank >= 0 {
				return nil, or(err, ErrNotFound)
			}
			dead, err := p.number("SISMEMBER", stalled, id)
			if err != nil || dead == 1 {
				return nil, or(err, ErrNotFound)
			}
		}
		var err error
		now, err = p.stamp()
		return []command{cmd("ZADD", claimed, now, id), cmd("HGET", items, id), cmd("HGET", contract.Cancelled.Of(name), id)}, err
	})
	if err != nil {
		return Job{}, err
	}
	p.claims[claimed+"\x00"+id] = now
	j := Job{ID: id}
	body, there := results[1].(string)
	j.Body, j.NoItem = body, !there
	if n, counted := results[2].(string); counted {
		j.Failures, _ = strconv.Atoi(n)
	}
	return j, p.notice(name, contract.Claimed, id)
}

// held is what ends a claim: an error unless the job is claimed by this peer; in thoonk.py, by anyone.
func (p *Peer) held(name, id string, todo func() []command) error {
	claimed := contract.Claimed.Of(name)
	_, err := p.atomic([]any{claimed}, func() ([]command, error) {
		if p.py {
			rank, err := p.number("ZRANK", claimed, id)
			if err != nil || rank < 0 {
				return nil, or(err, ErrNotClaimed)
			}
			return todo(), nil
		}
		score, _, err := p.text("ZSCORE", claimed, id)
		if err != nil {
			return nil, err
		}
		if mine, ok := p.claims[claimed+"\x00"+id]; !ok || mine != score {
			return nil, ErrNotClaimed
		}
		return todo(), nil
	})
	if err == nil || errors.Is(err, ErrNotClaimed) {
		delete(p.claims, claimed+"\x00"+id)
	}
	return err
}

// Finish ends a job; a nil result is none. ErrNotClaimed: nothing was changed.
func (p *Peer) Finish(name, id string, result *string) error {
	return p.held(name, id, func() []command {
		todo := []command{
			cmd("ZREM", contract.Claimed.Of(name), id), cmd("HDEL", contract.Cancelled.Of(name), id),
			cmd("ZREM", contract.Published.Of(name), id), cmd("INCRBY", contract.Finishes.Of(name), 1),
		}
		if result != nil {
			todo = append(todo, cmd("PUBLISH", contract.JobFinish.Of(name), id+"\x00"+*result))
		}
		return append(todo, cmd("HDEL", contract.Items.Of(name), id))
	})
}

// Cancel counts a failure and puts the job to the back of the line. ErrNotClaimed: nothing was changed.
func (p *Peer) Cancel(name, id string) error {
	return p.held(name, id, func() []command {
		return []command{
			cmd("HINCRBY", contract.Cancelled.Of(name), id, 1), cmd("LPUSH", contract.IDs.Of(name), id), cmd("ZREM", contract.Claimed.Of(name), id),
		}
	})
}

// Stall puts the job aside. ErrNotClaimed: nothing was changed.
func (p *Peer) Stall(name, id string) error {
	return p.held(name, id, func() []command {
		return []command{
			cmd("ZREM", contract.Claimed.Of(name), id), cmd("HDEL", contract.Cancelled.Of(name), id),
			cmd("SADD", contract.Stalled.Of(name), id), cmd("ZREM", contract.Published.Of(name), id),
		}
	})
}

// Retry makes a stalled job available. ErrNotStalled: nothing was changed; thoonk.py does not look.
func (p *Peer) Retry(name, id string) error {
	stalled := contract.Stalled.Of(name)
	_, err := p.atomic([]any{stalled}, func() ([]command, error) {
		is, err := p.number("SISMEMBER", stalled, id)
		if err != nil {
			return nil, err
		}
		anything := p.py || p.Faults.RetryAnything
		if is == 0 && !anything {
			return nil, ErrNotStalled
		}
		now := p.stamp
		if anything {
			now = p.seconds
		}
		score, err := now()
		return []command{cmd("SREM", stalled, id), cmd("LPUSH", contract.IDs.Of(name), id), cmd("ZADD", contract.Published.Of(name), score, id)}, err
	})
	return err
}

// RetractJob removes a job, whatever its state. ErrNotFound: there is none. thoonk.py leaves an id that is queued twice.
func (p *Peer) RetractJob(name, id string) error {
	items := contract.Items.Of(name)
	_, err := p.atomic([]any{items}, func() ([]command, error) {
		if err := p.stored(name, id); err != nil {
			return nil, err
		}
		all := 0
		if p.py {
			all = 1
		}
		return []command{
			cmd("HDEL", items, id), cmd("HDEL", contract.Cancelled.Of(name), id), cmd("ZREM", contract.Published.Of(name), id),
			cmd("SREM", contract.Stalled.Of(name), id), cmd("ZREM", contract.Claimed.Of(name), id), cmd("LREM", contract.IDs.Of(name), all, id),
		}, nil
	})
	return err
}

// Failures reads how often a job has failed.
func (p *Peer) Failures(name, id string) (int, error) {
	n, _, err := p.text("HGET", contract.Cancelled.Of(name), id)
	if err != nil || n == "" {
		return 0, err
	}
	return strconv.Atoi(n)
}

// JobIDs returns the ids of all jobs, sorted.
func (p *Peer) JobIDs(name string) ([]string, error) {
	ids, err := p.list("HKEYS", contract.Items.Of(name))
	slices.Sort(ids)
	return ids, err
}

// Maintain puts items that are in no state back into the line. It does so at the first sight of one: the caller waits
// between two passes if others may be claiming.
func (p *Peer) Maintain(name string) error {
	results, err := p.atomic(nil, func() ([]command, error) {
		return []command{
			cmd("HKEYS", contract.Items.Of(name)), cmd("LRANGE", contract.IDs.Of(name), 0, -1),
			cmd("ZRANGE", contract.Claimed.Of(name), 0, -1), cmd("SMEMBERS", contract.Stalled.Of(name)),
		}, nil
	})
	if err != nil {
		return err
	}
	var accounted []string
	for _, r := range results[1:] {
		accounted = append(accounted, texts(r)...)
	}
	for _, id := range texts(results[0]) {
		if !slices.Contains(accounted, id) {
			if err := p.send("LPUSH", contract.IDs.Of(name), id); err != nil {
				return err
			}
		}
	}
	return nil
}
