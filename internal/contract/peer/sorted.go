package peer

import (
	"strconv"
	"strings"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// The ends of a sorted feed. Other positions are ":id", before that item, and "id:", behind it.
const (
	First = "begin:"
	Last  = ":end"
)

// place is the command that puts id where pos says; rel is the item beside of it, or empty.
func place(name, id, pos string) (c command, rel string) {
	ids := contract.IDs.Of(name)
	switch {
	case pos == First:
		return cmd("LPUSH", ids, id), ""
	case pos == Last:
		return cmd("RPUSH", ids, id), ""
	case strings.HasPrefix(pos, ":"):
		return cmd("LINSERT", ids, "BEFORE", pos[1:], id), pos[1:]
	}
	rel = strings.TrimSuffix(pos, ":")
	return cmd("LINSERT", ids, "AFTER", rel, id), rel
}

// Insert adds an item to a sorted feed. ErrNotFound: there is no item to put it beside of.
func (p *Peer) Insert(name, body, pos string) (string, error) {
	if p.py {
		return p.insertPy(name, body, pos)
	}
	items, ids, counter := contract.Items.Of(name), contract.IDs.Of(name), contract.IDIncr.Of(name)
	var id string
	_, err := p.atomic([]any{items, ids, counter}, func() ([]command, error) {
		last, _, err := p.text("GET", counter)
		if err != nil {
			return nil, err
		}
		n, _ := strconv.ParseInt(last, 10, 64)
		id = strconv.FormatInt(n+1, 10) // nobody else has it: the counter is watched
		put, rel := place(name, id, pos)
		if rel != "" {
			if err := p.listed(name, rel); err != nil {
				return nil, err
			}
		}
		return append([]command{cmd("INCR", counter), put, cmd("HSET", items, id, body), cmd("INCR", contract.Publishes.Of(name))},
			inserted(name, id, body, pos)...), nil
	})
	return id, err
}

// insertPy uses up an id before it looks, and does not count what it puts beside of something.
func (p *Peer) insertPy(name, body, pos string) (string, error) {
	n, err := p.number("INCRBY", contract.IDIncr.Of(name), 1)
	if err != nil {
		return "", err
	}
	id, items := strconv.FormatInt(n, 10), contract.Items.Of(name)
	put, rel := place(name, id, pos)
	if rel == "" {
		_, err = p.atomic(nil, func() ([]command, error) {
			todo := []command{put, cmd("INCRBY", contract.Publishes.Of(name), 1), cmd("HSET", items, id, body)}
			return append(todo, inserted(name, id, body, pos)...), nil
		})
		return id, err
	}
	_, err = p.atomic([]any{items}, func() ([]command, error) {
		if err := p.stored(name, rel); err != nil {
			return nil, err
		}
		return append([]command{put, cmd("HSET", items, id, body)}, inserted(name, id, body, pos)...), nil
	})
	return id, err
}

func inserted(name, id, body, pos string) []command {
	return []command{
		cmd("PUBLISH", contract.Publish.Of(name), id+"\x00"+body),
		cmd("PUBLISH", contract.Position.Of(name), id+"\x00"+pos),
	}
}

// stored is ErrNotFound unless there is such an item, listed also unless it has a place.
func (p *Peer) stored(name, id string) error {
	there, err := p.number("HEXISTS", contract.Items.Of(name), id)
	if err == nil && there == 0 {
		err = ErrNotFound
	}
	return err
}

func (p *Peer) listed(name, id string) error {
	if err := p.stored(name, id); err != nil {
		return err
	}
	at, err := p.number("LPOS", contract.IDs.Of(name), id)
	if err == nil && at < 0 {
		err = ErrNotFound
	}
	return err
}

// EditSorted gives an item of a sorted feed another body. ErrNotFound: there is none.
func (p *Peer) EditSorted(name, id, body string) error {
	items := contract.Items.Of(name)
	_, err := p.atomic([]any{items}, func() ([]command, error) {
		if err := p.stored(name, id); err != nil {
			return nil, err
		}
		channel := contract.Publish
		if p.Faults.SwapPublishEdit {
			channel = contract.Edit
		}
		return []command{
			cmd("HSET", items, id, body), cmd("INCRBY", contract.Publishes.Of(name), 1), cmd("PUBLISH", channel.Of(name), id+"\x00"+body),
		}, nil
	})
	return err
}

// Move puts an item of a sorted feed elsewhere. ErrNotFound: it or the one beside of it is not there. thoonk.py loses what
// it moves beside itself.
func (p *Peer) Move(name, id, pos string) error {
	items, ids := contract.Items.Of(name), contract.IDs.Of(name)
	watch := []any{items}
	if !p.py {
		watch = append(watch, ids)
	}
	_, err := p.atomic(watch, func() ([]command, error) {
		if err := p.stored(name, id); err != nil {
			return nil, err
		}
		put, rel := place(name, id, pos)
		if rel == id && !p.py {
			return nil, nil
		}
		if rel != "" {
			look := p.listed
			if p.py {
				look = p.stored
			}
			if err := look(name, rel); err != nil {
				return nil, err
			}
		}
		return []command{cmd("LREM", ids, 1, id), put, cmd("PUBLISH", contract.Position.Of(name), id+"\x00"+pos)}, nil
	})
	return err
}

// RetractSorted removes an item of a sorted feed. ErrNotFound: there is none.
func (p *Peer) RetractSorted(name, id string) error {
	items := contract.Items.Of(name)
	_, err := p.atomic([]any{items}, func() ([]command, error) {
		gone := cmd("PUBLISH", contract.Retract.Of(name), id)
		if err := p.stored(name, id); err == ErrNotFound && p.Faults.RetractUnknown {
			return []command{gone}, nil
		} else if err != nil {
			return nil, err
		}
		return []command{cmd("LREM", contract.IDs.Of(name), 1, id), cmd("HDEL", items, id), gone}, nil
	})
	return err
}

// ListIDs returns the ids of a sorted feed in its order, or of a queue or job set from the one that was put last.
func (p *Peer) ListIDs(name string) ([]string, error) {
	return p.list("LRANGE", contract.IDs.Of(name), 0, -1)
}

// AllSorted returns the items of a sorted feed, in its order, without ids that have none.
func (p *Peer) AllSorted(name string) ([]Item, error) {
	return p.all(name, cmd("LRANGE", contract.IDs.Of(name), 0, -1))
}
