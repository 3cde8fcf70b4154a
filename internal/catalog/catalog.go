// Package catalog has the commands about names, which all types share (contract
// 2): create, configure, delete, read the configuration, list the names.
package catalog

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

//go:embed lua/*.lua
var files embed.FS

// The scripts.
var (
	create = wire.MustScript(files, wire.Script{Name: "catalog/create",
		Keys:     append([]contract.Key{contract.Feeds}, contract.Owned...),
		Channels: []contract.Key{contract.NewFeed, contract.ConfFeed}})
	configure = wire.MustScript(files, wire.Script{Name: "catalog/configure",
		Keys:     []contract.Key{contract.Feeds, contract.Config},
		Channels: []contract.Key{contract.ConfFeed}})
	remove = wire.MustScript(files, wire.Script{Name: "catalog/delete",
		Keys:     append([]contract.Key{contract.Feeds}, contract.Owned...),
		Channels: []contract.Key{contract.DelFeed}})
	config = wire.MustScript(files, wire.Script{Name: "catalog/config",
		Keys: []contract.Key{contract.Feeds, contract.Config}})
	names = wire.MustScript(files, wire.Script{Name: "catalog/names",
		Keys: []contract.Key{contract.Feeds}})

	// In a cluster the set of names is in a slot of its own.
	clusterCreate = wire.MustScript(files, wire.Script{Name: "catalog/cluster_create",
		Keys:     contract.Owned,
		Channels: []contract.Key{contract.NewFeed, contract.ConfFeed}})
	clusterConfigure = wire.MustScript(files, wire.Script{Name: "catalog/cluster_configure",
		Keys:     []contract.Key{contract.Config},
		Channels: []contract.Key{contract.ConfFeed}})
	clusterRemove = wire.MustScript(files, wire.Script{Name: "catalog/cluster_delete",
		Keys:     contract.Owned,
		Channels: []contract.Key{contract.DelFeed}})
	clusterConfig = wire.MustScript(files, wire.Script{Name: "catalog/cluster_config",
		Keys: []contract.Key{contract.Config}})
	list = wire.MustScript(files, wire.Script{Name: "catalog/list",
		Keys: []contract.Key{contract.Feeds}})
)

// Scripts lists the package's scripts, for tests.
func Scripts() []*wire.Script {
	return []*wire.Script{create, configure, remove, config, names,
		clusterCreate, clusterConfigure, clusterRemove, clusterConfig, list}
}

// choose returns the script for a naming.
func choose(n contract.Naming, plain, cluster *wire.Script) *wire.Script {
	if n == contract.Tagged {
		return cluster
	}
	return plain
}

// MaxFields is how many configuration fields one call can carry.
const MaxFields = 1000

// ErrInvalid is returned for a configuration that cannot be stored.
var ErrInvalid = errors.New("invalid configuration")

// Fields are configuration fields beside the type. An empty value is stored as
// such.
type Fields map[string]string

// Check reports why the fields cannot be stored.
func (f Fields) Check() error {
	if len(f) > MaxFields {
		return fmt.Errorf("%w: %d fields, the limit is %d", ErrInvalid, len(f), MaxFields)
	}
	for k, v := range f {
		switch {
		case k == "":
			return fmt.Errorf("%w: a field without a name", ErrInvalid)
		case k == contract.FieldType:
			return fmt.Errorf("%w: the type is set when a name is created, and stays", ErrInvalid)
		case k == contract.FieldMaxLength && !positive(v):
			return fmt.Errorf("%w: %s is %q, it must be a whole number of at least 1; leave it out for no bound", ErrInvalid, k, v)
		}
	}
	return nil
}

func positive(v string) bool {
	n, err := strconv.Atoi(v)
	return err == nil && n > 0 && strconv.Itoa(n) == v
}

// Settings are a configuration as the Config of a type has it.
type Settings struct {
	Own   map[string]string // every field that has a place of its own; an empty one is not stored
	Extra map[string]string // any others
}

// Split returns the fields to set, and those to remove.
func (s Settings) Split() (set Fields, unset []string, err error) {
	set = make(Fields, len(s.Own)+len(s.Extra))
	maps.Copy(set, s.Extra)
	for _, k := range slices.Sorted(maps.Keys(s.Own)) {
		if _, ok := set[k]; ok {
			return nil, nil, fmt.Errorf("%w: Extra contains %q, which has a field of its own", ErrInvalid, k)
		}
		if v := s.Own[k]; v != "" {
			set[k] = v
		} else {
			unset = append(unset, k)
		}
	}
	return set, unset, set.Check()
}

// Others returns the stored fields that have no place of their own; nil if there
// are none.
func Others(stored map[string]string, own ...string) map[string]string {
	var others map[string]string
	for k, v := range stored {
		if k == contract.FieldType || slices.Contains(own, k) {
			continue
		}
		if others == nil {
			others = make(map[string]string)
		}
		others[k] = v
	}
	return others
}

// Created is what Create found or made.
type Created struct {
	New  bool
	Type contract.Type
}

// Create makes the name unless it exists. strict says that the caller has to
// know whether it was this call that made it: then a lost reply is an unknown
// outcome, else it is simply asked again. In a cluster the set of names has to be
// told as well: List.
func Create(n contract.Naming, name, instance string, t contract.Type, f Fields, strict bool) *wire.Call[Created] {
	args := wire.NewArgs(3+2*len(f), len(name)+64).String(n.Wire(name)).String(instance).String(string(t))
	for k, v := range f {
		args = args.String(k).String(v)
	}
	c := wire.NewSingle(choose(n, create, clusterCreate), 3+2*len(f), args, func(r wire.Reader, _ int) (c Created, err error) {
		if err = r.Array(2); err != nil {
			return c, err
		}
		made, err := r.Int()
		if err != nil {
			return c, err
		}
		typ, _, err := r.String()
		return Created{New: made == 1, Type: contract.Type(typ)}, err
	})
	c.Repeatable = !strict
	return c
}

// Configure sets and removes fields of a name of type t; empty: of any type. Its
// answer is 1, or the status that says why nothing was written (host.Refusal).
func Configure(naming contract.Naming, name, instance string, t contract.Type, set Fields, unset []string) *wire.Call[int64] {
	n := 4 + 2*len(set) + len(unset)
	args := wire.NewArgs(n, len(name)+64).String(naming.Wire(name)).String(instance).String(string(t)).Int(int64(len(set)))
	for k, v := range set {
		args = args.String(k).String(v)
	}
	for _, k := range unset {
		args = args.String(k)
	}
	c := wire.NewSingle(choose(naming, configure, clusterConfigure), n, args, func(r wire.Reader, _ int) (int64, error) { return r.Int() })
	c.Repeatable = true
	return c
}

// Delete deletes the name with all its keys. Its answer is false when there was
// no such name. In a cluster the set of names has to be told as well: List.
func Delete(n contract.Naming, name, instance string) *wire.Call[bool] {
	args := wire.NewArgs(2, len(name)+64).String(n.Wire(name)).String(instance)
	c := wire.NewSingle(choose(n, remove, clusterRemove), 2, args, done)
	c.Repeatable = true
	return c
}

// Config is a name's configuration.
type Config struct {
	Member bool // of the set of names; in a cluster: there is a type
	Fields map[string]string
}

// Type is the configured type; empty when there is none.
func (c Config) Type() contract.Type { return contract.Type(c.Fields[contract.FieldType]) }

// ReadConfig reads the configuration.
func ReadConfig(n contract.Naming, name string) *wire.Call[Config] {
	args := wire.NewArgs(1, len(name)+2).String(n.Wire(name))
	c := wire.NewSingle(choose(n, config, clusterConfig), 1, args, func(r wire.Reader, _ int) (c Config, err error) {
		if err = r.Array(2); err != nil {
			return c, err
		}
		member, err := r.Int()
		if err != nil {
			return c, err
		}
		list, err := r.Strings()
		if err != nil {
			return c, err
		}
		c = Config{Member: member == 1, Fields: make(map[string]string, len(list)/2)}
		for i := 0; i+1 < len(list); i += 2 {
			c.Fields[list[i]] = list[i+1]
		}
		return c, nil
	})
	c.ReadOnly = true
	return c
}

// List is for a cluster: it adds the name to the set of names, or removes it. Its
// answer is false when it was so before. It goes to the actor of no name (AllNames).
func List(n contract.Naming, name string, there bool) *wire.Call[bool] {
	add := int64(0)
	if there {
		add = 1
	}
	c := wire.NewSingle(list, 2, wire.NewArgs(2, len(name)+8).String(n.Wire(name)).Int(add), done)
	c.Repeatable = true
	return c
}

// AllNames is the actor that commands about the set of names go to: it is in a slot
// of its own.
const AllNames = ""

// Page is some of the names, and where to go on; "0" at the end. A name may come
// twice.
type Page struct {
	Next  string
	Names []string
}

// Names reads about count names from cursor ("0" to begin).
func Names(cursor string, count int) *wire.Call[Page] {
	c := wire.NewSingle(names, 2, wire.NewArgs(2, 32).String(cursor).Int(int64(count)), func(r wire.Reader, _ int) (p Page, err error) {
		if err = r.Array(2); err != nil {
			return p, err
		}
		if p.Next, _, err = r.String(); err != nil {
			return p, err
		}
		p.Names, err = r.Strings()
		return p, err
	})
	c.ReadOnly = true
	return c
}

func done(r wire.Reader, _ int) (bool, error) {
	n, err := r.Int()
	return n == 1, err
}
