package topology

import (
	"net"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
)

const (
	lookEvery = time.Second
	lookAgain = 50 * time.Millisecond // when something is wrong
)

// hint tells that something is wrong, and whom to ask about it if that is known. It does not wait.
func (n *Network) hint(addr string) {
	if n.source == nil {
		return
	}
	select {
	case n.hints <- addr:
	default: // a look is about to happen
	}
}

// watch keeps the view up to date.
func (n *Network) watch() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var addr string
		select {
		case <-n.ctx.Done():
			return
		case <-tick.C:
		case addr = <-n.hints:
		}
		v, err := n.source.look(n.ctx, addr)
		if err == nil {
			n.adopt(func(*view) *view { return v })
		} else if n.ctx.Err() == nil {
			n.cfg.Logger.Debug("nobody tells who serves what", zap.Error(err))
		}
		// Hints come by the hundred while something is wrong.
		pause := time.NewTimer(lookAgain)
		select {
		case <-n.ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
	}
}

// adopt makes everything follow the view that change makes of the present one.
func (n *Network) adopt(change func(*view) *view) {
	n.mu.Lock()
	before := n.view.Load()
	now := change(before)
	if n.closed || before.equal(now) {
		n.mu.Unlock()
		return
	}
	n.view.Store(now)
	n.mu.Unlock()
	n.cfg.Logger.Info("other nodes serve now", zap.Strings("primaries", now.primaries))
	for _, l := range n.lanes {
		l.leave()
	}
	n.release()
}

// Turned takes an error that a command came back with: it may tell that another node serves the slot, or that the node
// is not what it was.
func (n *Network) Turned(err error) {
	if n.source == nil {
		return
	}
	slot, addr, moved := redirection(err)
	if moved && n.at.Kind == Cluster {
		n.adopt(func(v *view) *view { return v.with(slot, addr) })
	}
	n.hint(addr)
}

// redirection takes "MOVED slot host:port" apart; the host may be an IPv6 address without brackets. Without a host it is the
// host of the node that said so, whom nobody remembers here: then the next look tells.
func redirection(err error) (slot int, addr string, ok bool) {
	_, rest, found := strings.Cut(err.Error(), "MOVED ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 2 {
		return 0, "", false
	}
	slot, bad := strconv.Atoi(fields[0])
	colon := strings.LastIndexByte(fields[1], ':')
	if bad != nil || slot < 0 || slot >= slotCount || colon < 1 {
		return 0, "", false
	}
	host := strings.Trim(fields[1][:colon], "[]")
	return slot, net.JoinHostPort(host, fields[1][colon+1:]), true
}
