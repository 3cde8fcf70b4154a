package feed

import (
	"context"
	"fmt"
	"strconv"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
)

// ErrInvalidConfig is returned for a configuration that cannot be stored.
var ErrInvalidConfig = catalog.ErrInvalid

// A ScoreUnit is what the scores of a feed count. It matters only for a feed
// that is shared with peers, and only while it is empty: afterwards the unit of
// the items that are there is kept, whoever wrote them.
type ScoreUnit string

// The units.
const (
	Milliseconds ScoreUnit = ""  // the contract's and thoonk.js's
	Seconds      ScoreUnit = "s" // thoonk.py's and txThoonk's
)

// Config is a feed's stored configuration. The zero value is an unbounded feed.
type Config struct {
	// MaxLength bounds the feed, in items: the oldest are evicted.
	// Defaults to 0, unbounded.
	MaxLength int
	// Title is a text for people.
	Title string
	// Serializer names the encoding of the items. It is only stored: items are
	// bytes to the engine.
	Serializer string
	// ScoreUnit for a feed shared with peers that write seconds.
	ScoreUnit ScoreUnit
	// Extra holds any further fields. Fields that have a place above are refused.
	Extra map[string]string
}

// settings checks the configuration and returns it as it is stored.
func (c Config) settings() (catalog.Settings, error) {
	s := catalog.Settings{Extra: c.Extra, Own: map[string]string{
		contract.FieldMaxLength:  "",
		contract.FieldTitle:      c.Title,
		contract.FieldSerializer: c.Serializer,
		contract.FieldScoreUnit:  string(c.ScoreUnit),
	}}
	if c.MaxLength < 0 {
		return s, fmt.Errorf("%w: MaxLength is %d, it must be at least 1, or 0 for an unbounded feed", ErrInvalidConfig, c.MaxLength)
	}
	if c.MaxLength > 0 {
		s.Own[contract.FieldMaxLength] = strconv.Itoa(c.MaxLength)
	}
	if c.ScoreUnit != Milliseconds && c.ScoreUnit != Seconds {
		return s, fmt.Errorf("%w: ScoreUnit is %q, it must be %q or %q", ErrInvalidConfig, c.ScoreUnit, Milliseconds, Seconds)
	}
	return s, nil
}

// Config reads the stored configuration. A max_length that is no positive number
// (a peer's) reads as unbounded, which is how it is treated.
func (f *Feed) Config(ctx context.Context) (Config, error) {
	stored, err := host.ReadConfig(ctx, f.kind.host, f.h, contract.TypeFeed)
	if err != nil {
		return Config{}, f.wrap("config", err)
	}
	length, err := strconv.ParseUint(stored[contract.FieldMaxLength], 10, 63)
	if err != nil {
		length = 0
	}
	return Config{
		MaxLength:  int(length),
		Title:      stored[contract.FieldTitle],
		Serializer: stored[contract.FieldSerializer],
		ScoreUnit:  ScoreUnit(stored[contract.FieldScoreUnit]),
		Extra: catalog.Others(stored, contract.FieldMaxLength, contract.FieldTitle,
			contract.FieldSerializer, contract.FieldScoreUnit),
	}, nil
}

// Configure stores cfg and tells everybody (conffeed). A zero field is removed;
// stored fields that are not in Extra stay. Items above a lower MaxLength are
// evicted before it returns, in steps of 1000.
func (f *Feed) Configure(ctx context.Context, cfg Config) error {
	settings, err := cfg.settings()
	if err != nil {
		err = host.Refused(err)
	} else {
		err = host.Configure(ctx, f.kind.host, f.h, contract.TypeFeed, settings)
	}
	if err == nil {
		if e := f.trim(ctx); e != nil {
			// Not wrapped: e may say that nothing was sent, and the configuration was.
			err = fmt.Errorf("%w: the configuration is stored, items above MaxLength may be left: %s", actor.ErrOutcomeUnknown, e)
		}
	}
	return f.wrap("configure", err)
}
