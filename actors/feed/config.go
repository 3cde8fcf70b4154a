package feed

import (
	"context"
	"fmt"
	"maps"
	"strconv"

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

// known are the fields that have a place of their own.
var known = []string{contract.FieldMaxLength, contract.FieldTitle, contract.FieldSerializer, contract.FieldScoreUnit}

// fields returns what is stored. Fields that are zero are not.
func (c Config) fields() (catalog.Fields, error) {
	f := make(catalog.Fields, len(c.Extra)+4)
	maps.Copy(f, c.Extra)
	for _, k := range known {
		if _, ok := f[k]; ok {
			return nil, fmt.Errorf("%w: Extra contains %q, which has a field of its own", ErrInvalidConfig, k)
		}
	}
	if c.MaxLength < 0 {
		return nil, fmt.Errorf("%w: MaxLength is %d, it must be at least 1, or 0 for an unbounded feed", ErrInvalidConfig, c.MaxLength)
	}
	if c.ScoreUnit != Milliseconds && c.ScoreUnit != Seconds {
		return nil, fmt.Errorf("%w: ScoreUnit is %q, it must be %q or %q", ErrInvalidConfig, c.ScoreUnit, Milliseconds, Seconds)
	}
	set := func(k, v string) {
		if v != "" {
			f[k] = v
		}
	}
	if c.MaxLength > 0 {
		set(contract.FieldMaxLength, strconv.Itoa(c.MaxLength))
	}
	set(contract.FieldTitle, c.Title)
	set(contract.FieldSerializer, c.Serializer)
	set(contract.FieldScoreUnit, string(c.ScoreUnit))
	if err := f.Check(); err != nil {
		return nil, err
	}
	return f, nil
}

// Config reads the stored configuration. A max_length that is no positive number
// (a peer's) reads as unbounded, which is how it is treated.
func (f *Feed) Config(ctx context.Context) (Config, error) {
	stored, err := ask(ctx, f, catalog.ReadConfig(f.Name()))
	if err == nil {
		switch {
		case !stored.Member:
			err = host.Refusal(-1, contract.TypeFeed)
		case stored.Type() != contract.TypeFeed:
			err = host.WrongType(contract.TypeFeed, stored.Type())
		}
	}
	if err != nil {
		return Config{}, f.wrap("config", err)
	}
	var c Config
	for k, v := range stored.Fields {
		switch k {
		case contract.FieldType:
		case contract.FieldMaxLength:
			c.MaxLength, _ = strconv.Atoi(v)
			c.MaxLength = max(c.MaxLength, 0)
		case contract.FieldTitle:
			c.Title = v
		case contract.FieldSerializer:
			c.Serializer = v
		case contract.FieldScoreUnit:
			c.ScoreUnit = ScoreUnit(v)
		default:
			if c.Extra == nil {
				c.Extra = make(map[string]string)
			}
			c.Extra[k] = v
		}
	}
	return c, nil
}

// Configure stores cfg and tells everybody (conffeed). A zero field is removed;
// stored fields that are not in Extra stay. Items above a lower MaxLength are
// evicted before it returns, in steps of 1000.
func (f *Feed) Configure(ctx context.Context, cfg Config) error {
	fields, err := cfg.fields()
	if err != nil {
		return f.wrap("configure", host.Refused(err))
	}
	var unset []string
	for _, k := range known {
		if _, ok := fields[k]; !ok {
			unset = append(unset, k)
		}
	}
	ok, err := ask(ctx, f, catalog.Configure(f.Name(), f.kind.host.Instance, fields, unset))
	if err == nil && !ok {
		err = host.Refusal(-1, contract.TypeFeed)
	}
	if err == nil {
		err = f.trim(ctx)
	}
	return f.wrap("configure", err)
}
