package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A Type is what a name is.
type Type = contract.Type

// The types.
const (
	TypeFeed   = contract.TypeFeed
	TypeSorted = contract.TypeSorted
	TypeQueue  = contract.TypeQueue
	TypeJob    = contract.TypeJob
)

// Feed returns the feed of that name, after creating it with cfg if it does not
// exist. The stored configuration of an existing feed is left alone; change it
// with Feed.Configure. ErrWrongType: the name is something else.
func (e *Engine) Feed(ctx context.Context, name string, cfg feed.Config) (*feed.Feed, error) {
	return e.feeds.Open(ctx, name, cfg)
}

// FollowFeeds follows all feeds whose name matches the pattern: see
// feed.Feed.Follow.
func (e *Engine) FollowFeeds(ctx context.Context, pattern string, opts feed.FollowOptions) (*feed.Subscription, error) {
	return e.feeds.FollowPattern(ctx, pattern, opts)
}

// Create makes a name of the given type with configuration fields, in one step.
// ErrExists if there is one: nothing was written. When the reply is lost the
// outcome is unknown, for nobody could tell who created it; Feed has no such case.
func (e *Engine) Create(ctx context.Context, name string, t Type, fields map[string]string) error {
	err := catalog.Fields(fields).Check()
	if err == nil && t != TypeFeed && t != TypeSorted && t != TypeQueue && t != TypeJob {
		err = fmt.Errorf("%w: %q is no type", ErrInvalidConfig, t)
	}
	if err != nil {
		return wrap("create", name, host.Refused(err))
	}
	made, err := ask(ctx, e, name, catalog.Create(e.host.Naming, name, e.host.Instance, t, fields, true))
	if err == nil && !made.New {
		err = fmt.Errorf("%w: as a %s", ErrExists, made.Type)
	}
	if err == nil {
		_, err = host.List(ctx, e.host, e.names.Handle(name), true)
	}
	return wrap("create", name, err)
}

// Configure sets and removes fields of a name's configuration, in one step, and
// tells everybody (conffeed). The type cannot be changed. ErrNoSuchName if there
// is no such name. Feed.Configure also evicts what a lower max_length leaves over;
// this leaves that to the next publish.
func (e *Engine) Configure(ctx context.Context, name string, set map[string]string, unset ...string) error {
	err := catalog.Fields(set).Check()
	for _, k := range unset {
		if k == contract.FieldType {
			err = errors.Join(err, fmt.Errorf("%w: the type cannot be removed", ErrInvalidConfig))
		}
	}
	if len(unset) > catalog.MaxFields {
		err = fmt.Errorf("%w: %d fields to remove, the limit is %d", ErrInvalidConfig, len(unset), catalog.MaxFields)
	}
	if err != nil {
		return wrap("configure", name, host.Refused(err))
	}
	status, err := ask(ctx, e, name, catalog.Configure(e.host.Naming, name, e.host.Instance, "", set, unset))
	if err == nil {
		err = host.Refusal(status, "")
	}
	return wrap("configure", name, err)
}

// Delete deletes a name with everything stored under it, in one step, whatever
// its type. ErrNoSuchName if there is no such name.
func (e *Engine) Delete(ctx context.Context, name string) error {
	found, err := ask(ctx, e, name, catalog.Delete(e.host.Naming, name, e.host.Instance))
	if err == nil {
		var listed bool
		listed, err = host.List(ctx, e.host, e.names.Handle(name), false)
		found = found || listed
	}
	if err == nil && !found {
		err = host.Refusal(-1, "")
	}
	return wrap("delete", name, err)
}

// Exists reports whether the name exists, and as what. The type is empty when a
// peer has not written it yet.
func (e *Engine) Exists(ctx context.Context, name string) (exists bool, t Type, err error) {
	c, err := ask(ctx, e, name, catalog.ReadConfig(e.host.Naming, name))
	if err != nil || !c.Member {
		return false, "", wrap("exists", name, err)
	}
	return true, c.Type(), nil
}

// Fields reads a name's whole configuration, the type included. ErrNoSuchName if
// there is no such name.
func (e *Engine) Fields(ctx context.Context, name string) (map[string]string, error) {
	c, err := ask(ctx, e, name, catalog.ReadConfig(e.host.Naming, name))
	if err == nil && !c.Member {
		err = host.Refusal(-1, "")
	}
	return c.Fields, wrap("fields", name, err)
}

// Names ranges over the names that exist, of every type, in no order. It reads
// them in pages: a name that is created or deleted meanwhile may be seen or not,
// all others are seen once. After an error the walk is over.
func (e *Engine) Names(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		seen := make(map[string]bool)
		for cursor := ""; cursor != "0"; {
			if cursor == "" {
				cursor = "0"
			}
			p, err := actor.Ask[catalog.Page](ctx, e.host.Names, catalog.Names(cursor, 500))
			if err != nil {
				yield("", fmt.Errorf("names: %w", err))
				return
			}
			for _, wire := range p.Names {
				n, ours := e.host.Naming.Name(wire)
				if !ours || seen[n] {
					continue
				}
				seen[n] = true
				if !yield(n, nil) {
					return
				}
			}
			cursor = p.Next
		}
	}
}

func ask[T any](ctx context.Context, e *Engine, name string, c *wire.Call[T]) (T, error) {
	if err := e.host.Naming.Check(name); err != nil {
		var zero T
		return zero, host.Refused(err)
	}
	return actor.Ask[T](ctx, e.names.Handle(name), c)
}

func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %q: %w", op, name, err)
}
