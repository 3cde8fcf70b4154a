package peer

import (
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// An Item is an element of anything.
type Item struct{ ID, Body string }

// below that a score is seconds.
const secondsEnd = 1e11

// Publish adds an item to a feed, or edits the one with that id; an empty id stands for a generated one.
func (p *Peer) Publish(name, id, body string) (string, error) {
	if id == "" {
		id = contract.NewID()
	}
	if p.py {
		return id, p.publishPy(name, id, body)
	}
	ids, items := contract.IDs.Of(name), contract.Items.Of(name)
	_, err := p.atomic([]any{ids, contract.Config.Of(name)}, func() ([]command, error) {
		most, _, err := p.text("HGET", contract.Config.Of(name), "max_length")
		if err != nil {
			return nil, err
		}
		all, err := p.list("ZRANGE", ids, 0, -1)
		if err != nil {
			return nil, err
		}
		fresh := 1
		for _, other := range all {
			if other == id {
				fresh = 0
			}
		}
		var todo []command
		if bound, err := strconv.Atoi(most); err == nil && bound > 0 {
			over := len(all) + fresh - bound
			for i := 0; i < len(all) && over > 0; i++ {
				if all[i] != id { // an item never evicts itself
					todo = append(todo, cmd("ZREM", ids, all[i]), cmd("HDEL", items, all[i]), cmd("PUBLISH", contract.Retract.Of(name), all[i]))
					over--
				}
			}
		}
		score, err := p.score(name)
		if err != nil {
			return nil, err
		}
		return append(todo, cmd("INCR", contract.Publishes.Of(name)), cmd("ZADD", ids, score, id), cmd("HSET", items, id, body),
			cmd("PUBLISH", p.publishes(fresh == 1).Of(name), id+"\x00"+body)), nil
	})
	return id, err
}

// score is behind the newest of a feed, in its unit.
func (p *Peer) score(name string) (string, error) {
	if p.Faults.Seconds {
		return p.seconds()
	}
	now, err := p.now()
	if err != nil {
		return "", err
	}
	newest, err := p.list("ZREVRANGE", contract.IDs.Of(name), 0, 0, "WITHSCORES")
	if err != nil {
		return "", err
	}
	unit, _, err := p.text("HGET", contract.Config.Of(name), "score_unit")
	if err != nil {
		return "", err
	}
	last := 0.0
	if len(newest) == 2 {
		if last, err = strconv.ParseFloat(newest[1], 64); err != nil {
			return "", err
		}
	}
	if last > 0 && last < secondsEnd || last == 0 && unit == "s" {
		return strconv.FormatFloat(max(now/1000, last+1e-6), 'f', 6, 64), nil
	}
	return strconv.FormatFloat(max(now, last+1e-3), 'f', 3, 64), nil
}

// publishes is the channel for an item that is new, or not.
func (p *Peer) publishes(fresh bool) contract.Key {
	if fresh != p.Faults.SwapPublishEdit {
		return contract.Publish
	}
	return contract.Edit
}

// publishPy makes room for one more also when it edits, and tells what it has done afterwards.
func (p *Peer) publishPy(name, id, body string) error {
	ids, items := contract.IDs.Of(name), contract.Items.Of(name)
	results, err := p.atomic([]any{ids}, func() ([]command, error) {
		most, bounded, err := p.text("HGET", contract.Config.Of(name), "max_length")
		if err != nil {
			return nil, err
		}
		bound := 0
		if bounded {
			if bound, err = strconv.Atoi(most); err != nil {
				return nil, ErrBroken
			}
		}
		var todo []command
		if bound > 0 {
			old, err := p.list("ZRANGE", ids, 0, -bound)
			if err != nil {
				return nil, err
			}
			for _, other := range old {
				if other != id {
					todo = append(todo, cmd("ZREM", ids, other), cmd("HDEL", items, other), cmd("PUBLISH", contract.Retract.Of(name), other))
				}
			}
		}
		score, err := p.seconds()
		return append(todo, cmd("ZADD", ids, score, id), cmd("INCRBY", contract.Publishes.Of(name), 1), cmd("HSET", items, id, body)), err
	})
	if err != nil {
		return err
	}
	fresh := results[len(results)-3] == int64(1)
	return p.send("PUBLISH", p.publishes(fresh).Of(name), id+"\x00"+body)
}

// Retract removes an item of a feed. ErrNotFound: there is none.
func (p *Peer) Retract(name, id string) error {
	ids := contract.IDs.Of(name)
	_, err := p.atomic([]any{ids}, func() ([]command, error) {
		rank, err := p.number("ZRANK", ids, id)
		gone := cmd("PUBLISH", contract.Retract.Of(name), id)
		switch {
		case err != nil:
			return nil, err
		case rank < 0 && p.Faults.RetractUnknown:
			return []command{gone}, nil
		case rank < 0:
			return nil, ErrNotFound
		}
		return []command{cmd("ZREM", ids, id), cmd("HDEL", contract.Items.Of(name), id), gone}, nil
	})
	return err
}

// IDs returns the ids of a feed, in its order.
func (p *Peer) IDs(name string) ([]string, error) {
	return p.list("ZRANGE", contract.IDs.Of(name), 0, -1)
}

// Item returns the body of an item, of whatever type the name is. ErrNotFound: there is none.
func (p *Peer) Item(name, id string) (string, error) {
	body, there, err := p.text("HGET", contract.Items.Of(name), id)
	if err == nil && !there {
		err = ErrNotFound
	}
	return body, err
}

// All returns the items of a feed, in its order, without ids that have none.
func (p *Peer) All(name string) ([]Item, error) {
	return p.all(name, cmd("ZRANGE", contract.IDs.Of(name), 0, -1))
}

func (p *Peer) all(name string, ids command) ([]Item, error) {
	if p.py { // thoonk.py knows no order here
		return p.bodies(name)
	}
	results, err := p.atomic(nil, func() ([]command, error) {
		return []command{ids, cmd("HGETALL", contract.Items.Of(name))}, nil
	})
	if err != nil {
		return nil, err
	}
	bodies := pairs(texts(results[1]))
	var items []Item
	for _, id := range texts(results[0]) {
		if body, there := bodies[id]; there {
			items = append(items, Item{id, body})
		}
	}
	return items, nil
}

func (p *Peer) bodies(name string) ([]Item, error) {
	list, err := p.list("HGETALL", contract.Items.Of(name))
	var items []Item
	for i := 0; i+1 < len(list); i += 2 {
		items = append(items, Item{list[i], list[i+1]})
	}
	return items, err
}

func pairs(list []string) map[string]string {
	m := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}
