package queue

import (
	"context"

	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
)

// ErrInvalidConfig is returned for a configuration that cannot be stored.
var ErrInvalidConfig = catalog.ErrInvalid

// Config is a queue's stored configuration. The zero value is right for most.
type Config struct {
	// Title is a text for people.
	Title string
	// Serializer names the encoding of the items. It is only stored: items are
	// bytes to the engine.
	Serializer string
	// Extra holds any further fields. Fields that have a place above are refused.
	Extra map[string]string
}

// settings returns the configuration as it is stored.
func (c Config) settings() catalog.Settings {
	return catalog.Settings{Extra: c.Extra, Own: map[string]string{
		contract.FieldTitle:      c.Title,
		contract.FieldSerializer: c.Serializer,
	}}
}

// Config reads the stored configuration.
func (q *Queue) Config(ctx context.Context) (Config, error) {
	stored, err := host.ReadConfig(ctx, q.kind.host, q.h, contract.TypeQueue)
	if err != nil {
		return Config{}, q.wrap("config", err)
	}
	return Config{
		Title:      stored[contract.FieldTitle],
		Serializer: stored[contract.FieldSerializer],
		Extra:      catalog.Others(stored, contract.FieldTitle, contract.FieldSerializer),
	}, nil
}

// Configure stores cfg and tells everybody (conffeed). A zero field is removed;
// stored fields that are not in Extra stay.
func (q *Queue) Configure(ctx context.Context, cfg Config) error {
	return q.wrap("configure", host.Configure(ctx, q.kind.host, q.h, contract.TypeQueue, cfg.settings()))
}
