package wakeup

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/mediocregopher/radix/v4"
	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// Config says how a Waker reaches Redis. Dial and Do have to be set.
type Config struct {
	// Instance is the engine's, unique among all processes: it names the control
	// lists.
	Instance string

	// Dial opens a connection that nobody else uses, with the engine's database
	// selected, to the server that has the key. It must return when its context ends.
	Dial func(ctx context.Context, key string) (radix.Conn, error)

	// Do runs a command on the connections that the engine shares: interrupts, and
	// ids that go back. Its context ends soon and bounds the wait for a connection;
	// the action has its own, of 5s or until Close gives up. A Do that does not
	// return then is left behind.
	Do func(ctx context.Context, a radix.Action) error

	// Check returns those of the names that may have items whose ids got lost. It
	// is called with the armed names of one connection, on a goroutine of its own,
	// and left behind as Do is. Nil: no checks.
	Check func(ctx context.Context, names []string) (suspects []string, err error)

	// Naming is how names are written in keys. When it is contract.Tagged, keys of
	// different names are in different slots of a cluster: then each name has a
	// connection of its own, and a control list in its slot.
	Naming contract.Naming

	// Turned is told of an error that Redis answered to a pop: it may mean that
	// another server has the key now. Nil: nobody wants to know.
	Turned func(error)

	// PerShard is how many names share a connection. Defaults to 64.
	PerShard int

	// Timeout is how long one pop blocks where there are few connections; where there are
	// many, up to six times as long. A connection that is half open is found out when its
	// pop is 5s overdue. Defaults to 5s.
	Timeout time.Duration

	// CheckEvery is how often each connection's names are checked, give or take a
	// quarter. Defaults to 30s.
	CheckEvery time.Duration

	// Linger is how long a connection without names is kept, and how long a name
	// keeps its place on a connection after it was woken. Defaults to 30s.
	Linger time.Duration

	// Logger gets lost connections and the like, never ids. Nil logs nothing.
	Logger *zap.Logger

	grace time.Duration // a pop may take this much longer than Timeout
}

// A Waiter is who waits for a name. Its methods are called on goroutines of the
// Waker and in Arm, one call at a time for all names; they must not block and must not
// call the Waker. It has to be comparable.
type Waiter interface {
	// Wake tries to hand over an id that was taken from the right end of the
	// name's list, and reports whether it did. True: the id belongs to the waiter,
	// and the name is disarmed. False: the id goes back, and the name stays armed;
	// the next attempt is some milliseconds later.
	Wake(id string) bool
	// Refused tells that Redis does not permit to wait for the name. The name stays
	// armed; the next attempt is a while later.
	Refused(err error)
	// Suspect tells that items of the name may have lost their ids, or that the name is
	// something else now: look again. The waiter stays armed, unless another one has taken
	// its place: who does not know disarms before it arms again.
	Suspect()
}

// Stats are the numbers of now and the counts since New. They are not taken at one
// instant.
type Stats struct {
	Connections int    // open
	Names       int    // armed
	Pops        uint64 // BRPOPs sent
	Wakes       uint64 // ids handed over
	Returned    uint64 // ids put back
	Interrupts  uint64 // pops ended because their names changed
	Reconnects  uint64 // connections that replaced a lost one
	Suspects    uint64 // calls of Suspect
}

const (
	doTimeout   = 5 * time.Second        // of one command of ours on the shared connections
	dialTimeout = 10 * time.Second       // of one attempt to connect
	leaveAfter  = 5 * time.Millisecond   // a blocked pop keeps a disarmed name this long
	pauseAfter  = 10 * time.Millisecond  // a name whose Wake refused is left out this long
	holdAtMost  = 100 * time.Millisecond // a name whose ids are on their way back is left out this long
	askAgain    = time.Second            // an interrupt without effect is lost after this long
	badType     = time.Second            // a key that cannot be popped is left out this long
	minBackoff  = 10 * time.Millisecond
	maxBackoff  = 500 * time.Millisecond
)

func (c Config) withDefaults() Config {
	setDefault(&c.PerShard, 64)
	setDefault(&c.Timeout, 5*time.Second)
	setDefault(&c.CheckEvery, 30*time.Second)
	setDefault(&c.Linger, 30*time.Second)
	setDefault(&c.grace, 5*time.Second)
	c.Timeout = max(c.Timeout, time.Millisecond) // 0 would block for ever
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}

// fewConnections send a pop every Timeout, each. More of them send no more than that
// together, until each sends one every six times Timeout.
const fewConnections = 20

// timeout of a pop where there are so many connections.
func (c Config) timeout(connections int) time.Duration {
	return c.Timeout * time.Duration(min(max(connections, fewConnections), 6*fewConnections)) / fewConnections
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// backoff doubles from minBackoff to maxBackoff, less up to half, so that many
// processes do not come back together.
func backoff(failures int) time.Duration {
	d := maxBackoff
	if failures < 10 {
		d = min(d, minBackoff<<failures)
	}
	return d - rand.N(d/2+1)
}

// jitter spreads d by a quarter in either direction.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }
