package wire

import (
	"errors"
	"fmt"
	"time"

	"github.com/thoonk-go/thoonk/internal/actor"
)

// Replicas says how many replicas have to have a write before it counts as done.
type Replicas struct {
	N       int           // none by default
	Timeout time.Duration // how long Redis waits for them
}

// ErrNotReplicated means that a call has run at the primary, but fewer replicas than
// wanted have said in time that they have what it wrote: a fail-over may undo it. It
// wraps ErrOutcomeUnknown.
var ErrNotReplicated = fmt.Errorf("too few replicas have it (%w)", actor.ErrOutcomeUnknown)

// waits reports whether the batch ends with WAIT: it writes, and replicas are wanted.
//
// WAIT is about everything that Redis had done when the connection's last command
// ended. So it is right also for a command that was sent again and found that it had
// been done, and for an answer to what another connection has written.
func (b *Batch) waits() bool {
	if b.lane.Replicas.N == 0 {
		return false
	}
	for _, c := range b.cmds {
		if !c.request().ReadOnly {
			return true
		}
	}
	return false
}

func (b *Batch) appendWait(buf []byte) []byte {
	buf = append(buf, "*3\r\n$4\r\nWAIT\r\n"...)
	buf = appendInt(buf, int64(b.lane.Replicas.N))
	return appendInt(buf, b.lane.Replicas.Timeout.Milliseconds())
}

// readWait reads how many replicas have the batch. An error, such as that of a
// primary that has become a replica, counts as none.
func (b *Batch) readWait(rd Reader) error {
	kind, line, err := rd.line()
	if err != nil {
		return err
	}
	var n int64
	switch kind {
	case ':':
		n, err = parseInt(line)
	case '-':
	default:
		err = unexpected(kind, "an integer")
	}
	b.short = n < int64(b.lane.Replicas.N)
	return err
}

// unreplicated decides about a command that has run, but not at enough replicas: true
// when it should be sent again, else it has been settled. Its caller is told. What
// has none, such as a take, is asked again until replicas have it, for nobody shall
// get what a fail-over could give to somebody else.
func (o *Outbox) unreplicated(c Command) bool {
	req := c.request()
	if !req.Patient || !req.Repeatable {
		c.Settle(ErrNotReplicated)
		return false
	}
	o.cause = errors.New("too few replicas")
	req.repeat = true
	return !c.Left()
}
