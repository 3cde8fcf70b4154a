package peer

import (
	"strconv"
	"time"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// Put puts an item into a queue. thoonk.py fails at one of high priority.
func (p *Peer) Put(name, body string, high bool) (string, error) {
	if high && p.py {
		return "", ErrBroken
	}
	id := contract.NewID()
	_, err := p.atomic(nil, func() ([]command, error) {
		return append(p.push(name, id, high), cmd("HSET", contract.Items.Of(name), id, body), cmd("INCRBY", contract.Publishes.Of(name), 1)), nil
	})
	return id, err
}

// push makes an id available.
func (p *Peer) push(name, id string, high bool) []command {
	switch {
	case p.Faults.ItemsWithoutIDs:
		return nil
	case high:
		return []command{cmd("RPUSH", contract.IDs.Of(name), id)}
	}
	return []command{cmd("LPUSH", contract.IDs.Of(name), id)}
}

// pop is the first of the two steps in which peers take: until the second, the item has no id. ErrEmpty after the time,
// or at once if that is none.
func (p *Peer) pop(name string, wait time.Duration) (string, error) {
	ids := contract.IDs.Of(name)
	if wait <= 0 {
		id, there, err := p.text("RPOP", ids)
		if err == nil && !there {
			err = ErrEmpty
		}
		return id, err
	}
	reply, err := p.list("BRPOP", ids, strconv.FormatFloat(wait.Seconds(), 'f', -1, 64))
	if err == nil && len(reply) == 2 {
		return reply[1], nil
	}
	return "", or(err, ErrEmpty)
}

// Get takes an item out of a queue. It skips ids without an item; thoonk.py does not, and gets ErrNotFound for one.
func (p *Peer) Get(name string, wait time.Duration) (Item, error) {
	for {
		id, err := p.pop(name, wait)
		if err != nil {
			return Item{}, err
		}
		items := contract.Items.Of(name)
		results, err := p.atomic(nil, func() ([]command, error) {
			return []command{cmd("HGET", items, id), cmd("HDEL", items, id)}, nil
		})
		if err != nil {
			return Item{}, err
		}
		if body, there := results[0].(string); there {
			return Item{id, body}, nil
		}
		if p.py {
			return Item{ID: id}, ErrNotFound
		}
	}
}

// Die does the first step of a Get or Claim and no more. It returns the id that is nowhere now.
func (p *Peer) Die(name string) (string, error) { return p.pop(name, 0) }
