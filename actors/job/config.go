package job

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
)

// ErrInvalidConfig is returned for a configuration that cannot be stored.
var ErrInvalidConfig = catalog.ErrInvalid

// DefaultTimeout is the Timeout of a job set that does not say.
const DefaultTimeout = 10 * time.Minute

// Config is a job set's stored configuration, which holds for all engines. The
// zero value is right for most. Durations are stored in whole milliseconds.
type Config struct {
	// Timeout ends the context of a handler, and is the lease of claims that are
	// taken by hand (Get) or by peers: a claim that is neither finished nor extended
	// for as long goes to another worker. Defaults to DefaultTimeout.
	Timeout time.Duration
	// MaxFailures is after how many failures a job is stalled instead of tried
	// again. Defaults to 0, never.
	MaxFailures int
	// MinBackoff and MaxBackoff bound the wait before a job that failed in a
	// handler runs again. It doubles with each failure, and is between half of that
	// and the whole, at random. Default to 1s and 10 minutes.
	MinBackoff, MaxBackoff time.Duration
	// ResultTTL is how long a result is kept for Wait and Info. Defaults to 10
	// minutes.
	ResultTTL time.Duration
	// Notices announces every put and claim to peers that listen, as thoonk.py does.
	Notices bool
	// Title is a text for people.
	Title string
	// Serializer names the encoding of the items. It is only stored.
	Serializer string
	// Extra holds any further fields. Fields that have a place above are refused.
	Extra map[string]string
}

// settings checks the configuration and returns it as it is stored. Whether the
// job set is paused is no part of it.
func (c Config) settings() (catalog.Settings, error) {
	s := catalog.Settings{Extra: c.Extra, Own: map[string]string{
		contract.FieldTimeout:     millis(c.Timeout),
		contract.FieldMaxFailures: number(c.MaxFailures),
		contract.FieldMinBackoff:  millis(c.MinBackoff),
		contract.FieldMaxBackoff:  millis(c.MaxBackoff),
		contract.FieldResultTTL:   millis(c.ResultTTL),
		contract.FieldNotices:     flag(c.Notices),
		contract.FieldTitle:       c.Title,
		contract.FieldSerializer:  c.Serializer,
	}}
	if c.MaxFailures < 0 {
		return s, fmt.Errorf("%w: MaxFailures is %d, it must be at least 1, or 0 for no limit", ErrInvalidConfig, c.MaxFailures)
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"Timeout", c.Timeout}, {"MinBackoff", c.MinBackoff}, {"MaxBackoff", c.MaxBackoff}, {"ResultTTL", c.ResultTTL}} {
		if d.value != 0 && d.value < time.Millisecond {
			return s, fmt.Errorf("%w: %s is %v, it must be at least 1ms, or 0 for the default", ErrInvalidConfig, d.field, d.value)
		}
	}
	if _, ok := c.Extra[contract.FieldPaused]; ok {
		return s, fmt.Errorf("%w: Extra contains %q: use Pause and Resume", ErrInvalidConfig, contract.FieldPaused)
	}
	return s, nil
}

func millis(d time.Duration) string { return number(int(d.Milliseconds())) }

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// Config reads the stored configuration. Fields that were not stored are zero.
func (j *Jobs) Config(ctx context.Context) (Config, error) {
	stored, err := host.ReadConfig(ctx, j.kind.host, j.h, contract.TypeJob)
	if err != nil {
		return Config{}, j.wrap("config", err)
	}
	whole := func(field string) int {
		n, err := strconv.ParseUint(stored[field], 10, 63)
		if err != nil || n > math.MaxInt64/uint64(time.Millisecond) {
			return 0 // as the scripts read it: see wire/prelude.lua
		}
		return int(n)
	}
	duration := func(field string) time.Duration { return time.Duration(whole(field)) * time.Millisecond }
	return Config{
		Timeout:     duration(contract.FieldTimeout),
		MaxFailures: whole(contract.FieldMaxFailures),
		MinBackoff:  duration(contract.FieldMinBackoff),
		MaxBackoff:  duration(contract.FieldMaxBackoff),
		ResultTTL:   duration(contract.FieldResultTTL),
		Notices:     stored[contract.FieldNotices] == "1",
		Title:       stored[contract.FieldTitle],
		Serializer:  stored[contract.FieldSerializer],
		Extra: catalog.Others(stored, contract.FieldTimeout, contract.FieldMaxFailures, contract.FieldMinBackoff,
			contract.FieldMaxBackoff, contract.FieldResultTTL, contract.FieldNotices, contract.FieldPaused,
			contract.FieldTitle, contract.FieldSerializer),
	}, nil
}

// Configure stores cfg and tells everybody (conffeed). A zero field is removed;
// stored fields that are not in Extra stay. It holds from the next call of any
// engine on.
func (j *Jobs) Configure(ctx context.Context, cfg Config) error {
	settings, err := cfg.settings()
	if err != nil {
		return j.wrap("configure", host.Refused(err))
	}
	return j.wrap("configure", host.Configure(ctx, j.kind.host, j.h, contract.TypeJob, settings))
}

// Pause stops claims, by this engine and all others (peers do not know of it);
// puts go on, and so do jobs that are claimed already.
func (j *Jobs) Pause(ctx context.Context) error {
	return j.wrap("pause", host.Configure(ctx, j.kind.host, j.h, contract.TypeJob, catalog.Settings{Own: map[string]string{contract.FieldPaused: "1"}}))
}

// Resume ends a pause. Other engines go on within 5 seconds.
func (j *Jobs) Resume(ctx context.Context) error {
	err := host.Configure(ctx, j.kind.host, j.h, contract.TypeJob, catalog.Settings{Own: map[string]string{contract.FieldPaused: ""}})
	if err == nil {
		_, err = j.h.Send(ctx, resumed{})
	}
	return j.wrap("resume", err)
}
