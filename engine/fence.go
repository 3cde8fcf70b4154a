package engine

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/resp/resp3"
	"go.uber.org/zap"
)

// A fence keeps what was sent on a connection from running after what is sent on the one that replaced it. A connection
// that is given up may still have commands on their way, in buffers that nobody sees; they are repeated on the next one, and
// when they arrive after all they would run again: bring an item back that was retracted meanwhile, say. So the new
// connection begins with having the server end the old one. Whoever may not do that (CLIENT KILL) goes without.
type fence struct {
	log *zap.Logger

	mu  sync.Mutex
	run string // of the server: its connections' ids mean nothing in another run
	id  int64  // of the connection made last; 0: not known
}

// replace is called with each new connection, before anything else is sent on it.
func (f *fence) replace(ctx context.Context, conn radix.Conn) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var info string
	if ok, err := permitted(conn.Do(ctx, radix.Cmd(&info, "INFO", "server"))); !ok {
		return err
	}
	var id int64
	if ok, err := permitted(conn.Do(ctx, radix.Cmd(&id, "CLIENT", "ID"))); !ok {
		return err
	}
	_, rest, _ := strings.Cut(info, "run_id:")
	run, _, _ := strings.Cut(rest, "\r\n")
	if f.id != 0 && f.run == run && run != "" {
		ok, err := permitted(conn.Do(ctx, radix.Cmd(nil, "CLIENT", "KILL", "ID", strconv.FormatInt(f.id, 10))))
		switch {
		case err != nil:
			return err
		case !ok:
			f.log.Warn("not permitted to end the connection that this one replaces (CLIENT KILL): what was sent on it may run late")
		}
	}
	f.run, f.id = run, id
	return nil
}

// permitted tells a refusal, such as that of a user without the right, from an error that makes the connection useless. A
// server that is loading refuses everything, and is not ready.
func permitted(err error) (bool, error) {
	if refusal := (resp3.SimpleError{}); errors.As(err, &refusal) && !strings.HasPrefix(refusal.S, "LOADING") {
		return false, nil
	}
	return err == nil, err
}
