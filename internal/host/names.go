package host

import (
	"context"

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
		err = contract.CheckName(name.Name())
	}
	if err != nil {
		return Refused(err)
	}
	made, err := actor.Ask[catalog.Created](ctx, name, catalog.Create(name.Name(), h.Instance, want, set, false))
	if err == nil && made.Type != want {
		err = WrongType(want, made.Type)
	}
	return err
}

// ReadConfig reads all fields of a name that is a want.
func ReadConfig[C any](ctx context.Context, name *actor.Handle[C], want contract.Type) (map[string]string, error) {
	stored, err := actor.Ask[catalog.Config](ctx, name, catalog.ReadConfig(name.Name()))
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
	_, err = Ask(ctx, name, want, catalog.Configure(name.Name(), h.Instance, want, set, unset))
	return err
}
