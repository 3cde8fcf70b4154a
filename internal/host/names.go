package host

import (
	"context"
	"fmt"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Ask sends c to the actor of a name and waits for the answer. An answer that is
// a status is checked for those that say the name cannot take the call.
func Ask[T, C any](ctx context.Context, name *actor.Handle[C], want contract.Type, c *wire.Call[T]) (T, error) {
	v, err := actor.Ask[T](ctx, name, c)
	if n, ok := any(v).(int64); ok && err == nil {
		err = Refusal(n, want)
	}
	return v, err
}

// Open makes the name with the settings unless it exists. Nil means that it is a
// want.
func Open[C any](ctx context.Context, h *Host, name *actor.Handle[C], want contract.Type, s catalog.Settings) error {
	set, _, err := s.Split()
	if err == nil {
		err = h.Naming.Check(name.Name())
	}
	if err != nil {
		return Refused(err)
	}
	made, err := actor.Ask[catalog.Created](ctx, name, catalog.Create(h.Naming, name.Name(), h.Instance, want, set, false))
	if err == nil && made.Type != want {
		err = WrongType(want, made.Type)
	}
	if err == nil {
		_, err = List(ctx, h, name, true)
	}
	return err
}

// List is the second step of creating and deleting a name in a cluster, where the set
// of names is in another slot: it makes the set say that the name is there, or not.
// Changed reports whether it said otherwise.
//
// Somebody else may create or delete the name at the same time, and take this step
// before. So it looks at the name again, and corrects itself until both agree:
// whoever writes to the set last has seen what the name was in the end. When the
// process dies in between, the name can be used and is not listed, or is listed and
// does not exist, until somebody opens or deletes it again.
func List[C any](ctx context.Context, h *Host, name *actor.Handle[C], there bool) (changed bool, err error) {
	if h.Naming == contract.Plain {
		return false, nil
	}
	for first := true; ; first = false {
		did, err := actor.Ask[bool](ctx, h.Names, catalog.List(h.Naming, name.Name(), there))
		if err != nil {
			return changed, halfDone(err)
		}
		changed = changed || first && did
		now, err := actor.Ask[catalog.Config](ctx, name, catalog.ReadConfig(h.Naming, name.Name()))
		if err != nil {
			return changed, halfDone(err)
		}
		if now.Member == there {
			return changed, nil
		}
		there = now.Member
	}
}

// halfDone is the error of a second step. The first one has run, whatever the error
// says.
func halfDone(err error) error {
	return fmt.Errorf("%w: the list of names may not be up to date, call again: %s", actor.ErrOutcomeUnknown, err.Error())
}

// ReadConfig reads all fields of a name that is a want.
func ReadConfig[C any](ctx context.Context, h *Host, name *actor.Handle[C], want contract.Type) (map[string]string, error) {
	stored, err := actor.Ask[catalog.Config](ctx, name, catalog.ReadConfig(h.Naming, name.Name()))
	switch {
	case err != nil:
		return nil, err
	case !stored.Member:
		return nil, Refusal(-1, want)
	case stored.Type() != want:
		return nil, WrongType(want, stored.Type())
	}
	return stored.Fields, nil
}

// Configure stores the settings and tells everybody. Fields that they do not
// speak of stay.
func Configure[C any](ctx context.Context, h *Host, name *actor.Handle[C], want contract.Type, s catalog.Settings) error {
	set, unset, err := s.Split()
	if err != nil {
		return Refused(err)
	}
	_, err = Ask(ctx, name, want, catalog.Configure(h.Naming, name.Name(), h.Instance, want, set, unset))
	return err
}
