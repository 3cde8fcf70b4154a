package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/host"
	"github.com/thoonk-go/thoonk/internal/line"
	"github.com/thoonk-go/thoonk/internal/wakeup"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pool"
)

var (
	// ErrEmpty is returned by TryGet when no job is available.
	ErrEmpty = errors.New("job: none available")
	// ErrExists is returned for a job whose id exists.
	ErrExists = errors.New("job: the id exists")
	// ErrNotFound is returned for an id without a job.
	ErrNotFound = errors.New("job: not found")
	// ErrNotStalled is returned by Retry for a job that is not stalled.
	ErrNotStalled = errors.New("job: not stalled")
	// ErrNotOwner is returned to who does not hold the claim, or not any more: it
	// was ended, or its lease passed and the job went to another worker. Nothing was
	// changed. It is also the cause with which a handler's context ends then.
	ErrNotOwner = errors.New("job: not the owner of the claim")
	// ErrShutdown is the cause with which a handler's context ends when the engine
	// closes.
	ErrShutdown = errors.New("job: the engine is closing")
	// ErrTimeout is the cause with which a handler's context ends after
	// Config.Timeout.
	ErrTimeout = pool.ErrTimeout
)

// Settings are an engine's, for all of its job sets.
type Settings struct {
	Lease time.Duration // of claims that handlers run
	Pause time.Duration // between two looks at items that seem lost
}

// Kind runs the job actors of one engine. Users get job sets from engine.Engine.
type Kind struct {
	host     *host.Host
	set      *actor.Set[command]
	waker    *wakeup.Waker
	pool     *pool.Pool
	settings Settings
	getters  line.Getters[*Claim]

	mu       sync.Mutex
	handling map[string]*handling // by job set
	meters   map[string]*meter    // by job set

	draining atomic.Bool

	looking host.Background // for lost items
}

// NewKind returns the job sets of an engine; stats counts what they send.
func NewKind(h *host.Host, stats *wire.Stats, waker *wakeup.Waker, p *pool.Pool, s Settings) *Kind {
	k := &Kind{
		host: h, waker: waker, pool: p, settings: s,
		handling: make(map[string]*handling), meters: make(map[string]*meter),
	}
	k.set = host.Set(h, stats, k.newOwner)
	return k
}

// Len is the number of actors.
func (k *Kind) Len() int { return k.set.Len() }

// Sweep ends the actors that have been idle since before.
func (k *Kind) Sweep(before time.Time) { k.set.Sweep(before) }

// Open returns the job set of that name, after creating it with cfg if it does
// not exist. The stored configuration of an existing job set is left alone.
func (k *Kind) Open(ctx context.Context, name string, cfg Config) (*Jobs, error) {
	j := &Jobs{kind: k, h: k.set.Handle(name)}
	settings, err := cfg.settings()
	if err != nil {
		err = host.Refused(err)
	} else {
		err = host.Open(ctx, k.host, j.h, contract.TypeJob, settings)
	}
	if err != nil {
		return nil, j.wrap("open", err)
	}
	k.news(j, resumed{}) // it may have been made anew, and a handler here still waits for that
	return j, nil
}

// Jobs is a handle to one job set. It is safe for concurrent use and needs no
// closing. All its methods return ErrStopped once the engine is closed.
type Jobs struct {
	kind *Kind
	h    *actor.Handle[command]
}

// Name is the job set's name.
func (j *Jobs) Name() string { return j.h.Name() }

func (j *Jobs) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("job %q: %s: %w", j.h.Name(), op, err)
}

// ask sends c to the job set's actor and waits for the answer.
func ask[T any](ctx context.Context, j *Jobs, c *wire.Call[T]) (T, error) {
	return host.Ask(ctx, j.h, contract.TypeJob, c)
}
