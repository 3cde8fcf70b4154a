package peer

import (
	"maps"
	"slices"
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// keysOf is what a peer knows to delete. thoonk.py forgets some.
var (
	allKeys = []contract.Key{
		contract.IDs, contract.Items, contract.Publishes, contract.Config, contract.IDIncr, contract.Published,
		contract.Claimed, contract.Cancelled, contract.Stalled, contract.Running, contract.Finishes, contract.Retried,
	}
	pyFeedKeys = []contract.Key{ // some of them channels, which are no keys
		contract.IDs, contract.Items, contract.Publishes, contract.Publish, contract.Retract, contract.Config, contract.Edit,
	}
	pyJobKeys = []contract.Key{contract.Stalled, contract.Running, contract.Cancelled, contract.Claimed}
)

// Create makes a name. ErrExists if there is one.
func (p *Peer) Create(name string, t contract.Type, fields map[string]string) error {
	if err := p.valid(fields); err != nil {
		return err
	}
	all := map[string]string{"type": string(t)}
	maps.Copy(all, fields)
	if p.py || p.Faults.NewfeedFirst {
		return p.createInSteps(name, all)
	}
	_, err := p.atomic([]any{"feeds"}, func() ([]command, error) {
		there, err := p.number("SISMEMBER", "feeds", name)
		if err != nil || there == 1 {
			return nil, or(err, ErrExists)
		}
		drop := cmd("DEL")
		for _, k := range allKeys {
			drop = append(drop, k.Of(name))
		}
		return append([]command{cmd("SADD", "feeds", name), drop, p.fields(name, all), p.told("newfeed", name)}, p.configured(name)...), nil
	})
	return err
}

// createInSteps leaves the name without a type for a moment.
func (p *Peer) createInSteps(name string, fields map[string]string) error {
	added, err := p.number("SADD", "feeds", name)
	if err != nil || added == 0 {
		return or(err, ErrExists)
	}
	newfeed := p.told("newfeed", name)
	if p.Faults.NewfeedFirst {
		if err := p.send(newfeed...); err != nil {
			return err
		}
	}
	if err := p.setInSteps(name, fields); err != nil {
		return err
	}
	if !p.Faults.NewfeedFirst {
		if err := p.send(newfeed...); err != nil {
			return err
		}
	}
	return p.sendAll(p.configured(name))
}

func (p *Peer) setInSteps(name string, fields map[string]string) error {
	if there, err := p.number("SISMEMBER", "feeds", name); err != nil || there == 0 {
		return or(err, ErrNoSuchName)
	}
	_, err := p.atomic(nil, func() ([]command, error) {
		var todo []command
		for _, k := range slices.Sorted(maps.Keys(fields)) {
			todo = append(todo, cmd("HSET", contract.Config.Of(name), k, fields[k]))
		}
		return todo, nil
	})
	return err
}

// Open creates a name unless it exists. ErrWrongType if it does as something else; thoonk.py does not look.
func (p *Peer) Open(name string, t contract.Type, fields map[string]string) error {
	err := p.Create(name, t, fields)
	if p.py && err != nil {
		if err == ErrExists {
			err = nil
		}
		return err
	}
	if err != nil && err != ErrExists {
		return err
	}
	stored, _, err := p.text("HGET", contract.Config.Of(name), "type")
	if err == nil && stored != string(t) && !p.py {
		err = ErrWrongType
	}
	return err
}

// Configure sets fields. ErrNoSuchName if there is no such name.
func (p *Peer) Configure(name string, fields map[string]string) error {
	if p.py {
		all := map[string]string{"type": string(contract.TypeFeed)} // whatever it was: thoonk.py's default
		maps.Copy(all, fields)
		if err := p.setInSteps(name, all); err != nil {
			return err
		}
		return p.sendAll(p.configured(name))
	}
	if err := p.valid(fields); err != nil {
		return err
	}
	_, err := p.atomic([]any{"feeds"}, func() ([]command, error) {
		there, err := p.number("SISMEMBER", "feeds", name)
		if err != nil || there == 0 {
			return nil, or(err, ErrNoSuchName)
		}
		return append([]command{p.fields(name, fields)}, p.configured(name)...), nil
	})
	return err
}

// Delete deletes a name. ErrNoSuchName if there is no such name.
func (p *Peer) Delete(name string, t contract.Type) error {
	_, err := p.atomic([]any{"feeds"}, func() ([]command, error) {
		there, err := p.number("SISMEMBER", "feeds", name)
		if err != nil || there == 0 {
			return nil, or(err, ErrNoSuchName)
		}
		todo := []command{cmd("SREM", "feeds", name)}
		keys := allKeys
		if p.py {
			keys = pyFeedKeys
			switch t {
			case contract.TypeSorted:
				keys = append(slices.Clone(keys), contract.IDIncr)
			case contract.TypeJob:
				keys = append(slices.Clone(keys), pyJobKeys...)
			}
		}
		for _, k := range keys {
			todo = append(todo, cmd("DEL", k.Of(name)))
		}
		return append(todo, p.told("delfeed", name)), nil
	})
	return err
}

// DeleteAny deletes a name whose type the caller does not know.
func (p *Peer) DeleteAny(name string) error {
	t, there, err := p.text("HGET", contract.Config.Of(name), "type")
	if err != nil || !there {
		return or(err, ErrNoSuchName)
	}
	return p.Delete(name, contract.Type(t))
}

// Exists reports whether there is such a name.
func (p *Peer) Exists(name string) (bool, error) {
	n, err := p.number("SISMEMBER", "feeds", name)
	return n == 1, err
}

// Names returns all names, sorted.
func (p *Peer) Names() ([]string, error) {
	names, err := p.list("SMEMBERS", "feeds")
	slices.Sort(names)
	return names, err
}

// valid refuses a bound that is none. thoonk.py writes anything.
func (p *Peer) valid(fields map[string]string) error {
	if v, bounded := fields["max_length"]; bounded && !p.py {
		if n, err := strconv.Atoi(v); err != nil || n < 1 {
			return ErrInvalid
		}
	}
	return nil
}

func (p *Peer) fields(name string, fields map[string]string) command {
	set := cmd("HSET", contract.Config.Of(name))
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		set = append(set, k, fields[k])
	}
	return set
}

// told is a message about a name.
func (p *Peer) told(channel, name string) command {
	return cmd("PUBLISH", channel, name+"\x00"+p.instance)
}

func (p *Peer) configured(name string) []command {
	if p.Faults.NoConffeed {
		return nil
	}
	return []command{p.told("conffeed", name)}
}

func (p *Peer) sendAll(todo []command) error {
	for _, c := range todo {
		if err := p.send(c...); err != nil {
			return err
		}
	}
	return nil
}

// or is err, or what the answer means if there is none.
func or(err, answer error) error {
	if err != nil {
		return err
	}
	return answer
}
