package wire

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

// A Fence keeps what was sent on a connection of a lane from running after what is sent on the one that replaced it. A
// connection that is given up may still have commands on their way, in buffers that nobody sees; they are repeated on the
// next one, and when they arrive after all they would run again: bring an item back that was retracted meanwhile, say. So
// the new connection begins with having the server end the old one. Whoever may not do that (CLIENT KILL) goes without.
type Fence struct {
	Logger *zap.Logger

	mu sync.Mutex
	// ids of the connections made last, by the run of the server: in another run, or on another server, they mean nothing.
	ids map[string]int64
}

// Replace is called with each new connection, before anything else is sent on it.
func (f *Fence) Replace(ctx context.Context, conn radix.Conn) error {
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
	if run == "" {
		return nil
	}
	if last := f.ids[run]; last != 0 {
		ok, err := permitted(conn.Do(ctx, radix.Cmd(nil, "CLIENT", "KILL", "ID", strconv.FormatInt(last, 10))))
		switch {
		case err != nil:
			return err
		case !ok:
			f.Logger.Warn("not permitted to end the connection that this one replaces (CLIENT KILL): what was sent on it may run late")
		}
	}
	if f.ids == nil {
		f.ids = make(map[string]int64)
	}
	f.ids[run] = id
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
