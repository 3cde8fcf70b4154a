package sorted

import (
	"context"
	"fmt"

	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
)

// ErrInvalidConfig is returned for a configuration that cannot be stored.
var ErrInvalidConfig = catalog.ErrInvalid

// Config is a sorted feed's stored configuration. The zero value is fine.
type Config struct {
	// Title is a text for people.
	Title string
	// Serializer names the encoding of the items. It is only stored: items are
	// bytes to the engine.
	Serializer string
	// Extra holds any further fields. Fields that have a place above are refused,
	// and so is max_length: a sorted feed has no bound (contract 4).
	Extra map[string]string
}

// settings checks the configuration and returns it as it is stored.
func (c Config) settings() (catalog.Settings, error) {
	s := catalog.Settings{Extra: c.Extra, Own: map[string]string{
		contract.FieldTitle:      c.Title,
		contract.FieldSerializer: c.Serializer,
	}}
	if _, ok := c.Extra[contract.FieldMaxLength]; ok {
		return s, fmt.Errorf("%w: Extra contains %q, which does not apply: a sorted feed has no bound", ErrInvalidConfig, contract.FieldMaxLength)
	}
	return s, nil
}

// Config reads the stored configuration. A max_length (a peer's) is left out.
func (s *Sorted) Config(ctx context.Context) (Config, error) {
	stored, err := host.ReadConfig(ctx, s.kind.host, s.h, contract.TypeSorted)
	if err != nil {
		return Config{}, s.wrap("config", err)
	}
	return Config{
		Title:      stored[contract.FieldTitle],
		Serializer: stored[contract.FieldSerializer],
		Extra:      catalog.Others(stored, contract.FieldTitle, contract.FieldSerializer, contract.FieldMaxLength),
	}, nil
}

// Configure stores cfg and tells everybody (conffeed). A zero field is removed;
// stored fields that are not in Extra stay.
func (s *Sorted) Configure(ctx context.Context, cfg Config) error {
	settings, err := cfg.settings()
	if err != nil {
		err = host.Refused(err)
	} else {
		err = host.Configure(ctx, s.kind.host, s.h, contract.TypeSorted, settings)
	}
	return s.wrap("configure", err)
}
