package redistest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// replyTimeout bounds the wait for one reply, blocking commands included.
const replyTimeout = 30 * time.Second

// Raw is a peer: one plain connection that sends commands as they are given. Network errors fail the test.
//
// In a cluster it has a connection to each primary and sends a command to the one that has its first key, or, without a
// key, where the one before went: MULTI behind WATCH is right. A test says feed.ids:X there as anywhere else; on the wire
// that is feed.ids:{X} (contract 8), and X again in what comes back.
//
// A reply is a string (also for a status like "OK"), an int64, nil, or []any of these and of Error.
// Several goroutines may use it; as with any testing.TB, a failure from another goroutine ends that goroutine only.
type Raw struct {
	t       testing.TB
	cluster *slots // nil: it is none

	mu    sync.Mutex
	nodes []*node
	node  *node // that the last command went to
}

// Client connects to the server at url, sends AUTH and SELECT if the url says so, and closes when the test ends. Where
// sentinels watch it is the primary of now.
func Client(t testing.TB, url string) *Raw {
	t.Helper()
	r := &Raw{t: t}
	t.Cleanup(r.Close)
	ep := mustParse(t, url)
	if ep.cluster {
		r.cluster = readSlots(t, ep)
		for _, addr := range r.cluster.addrs {
			one := ep
			one.addr = addr
			r.nodes = append(r.nodes, dialNode(t, one))
		}
	} else {
		r.nodes = []*node{dialNode(t, ep)}
	}
	r.node = r.nodes[0]
	return r
}

// Close closes the connection; the test's end does it too.
func (r *Raw) Close() {
	for _, n := range r.nodes {
		_ = n.conn.Close()
	}
}

// Do sends one command and returns its reply. An error reply fails the test.
func (r *Raw) Do(args ...any) any {
	r.t.Helper()
	reply, err := r.DoErr(args...)
	if err != nil {
		r.t.Fatalf("redis peer: %v: %v", args[0], err)
	}
	return reply
}

// DoErr sends one command and returns its reply; an error reply is returned as an Error.
func (r *Raw) DoErr(args ...any) (any, error) {
	r.t.Helper()
	reply := r.Pipeline(args)[0]
	if err, ok := reply.(Error); ok {
		return nil, err
	}
	return reply, nil
}

// Pipeline sends commands in one write and returns their replies; error replies are Errors among them. In a cluster only
// what begins with MULTI goes out in one write.
func (r *Raw) Pipeline(cmds ...[]any) []any {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cluster == nil || len(cmds) == 0 || cmds[0][0] == "MULTI" {
		return r.pipeline(cmds)
	}
	var replies []any
	for _, cmd := range cmds {
		replies = append(replies, r.pipeline([][]any{cmd})...)
	}
	return replies
}

func (r *Raw) pipeline(cmds [][]any) []any {
	r.t.Helper()
	cmds = r.route(cmds)
	if len(cmds) == 1 && r.cluster != nil && forAll(cmds[0]) {
		for _, n := range r.nodes[1:] {
			if _, err := n.exchange(cmds); err != nil {
				r.t.Fatalf("redis peer: %v: %v", cmds[0][0], err)
			}
		}
		r.node = r.nodes[0]
	}
	replies, err := r.node.exchange(cmds)
	if err != nil {
		r.t.Fatalf("redis peer: %v: %v", cmds[0][0], err)
	}
	if r.cluster != nil {
		for i := range replies {
			replies[i] = untagged(cmds[i], replies[i])
		}
	}
	return replies
}

// Send sends one command and leaves its reply to Receive: for commands that block.
func (r *Raw) Send(args ...any) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.node.send(r.route([][]any{args})); err != nil {
		r.t.Fatalf("redis peer: %v", err)
	}
}

// Receive reads the reply to an earlier Send, or a pushed message. An error reply is returned as an Error.
func (r *Raw) Receive() (any, error) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.node.conn.SetReadDeadline(time.Now().Add(replyTimeout)); err != nil {
		r.t.Fatalf("redis peer: %v", err)
	}
	reply, err := readReply(r.node.br)
	if err != nil {
		r.t.Fatalf("redis peer: %v", err)
	}
	if err, ok := reply.(Error); ok {
		return nil, err
	}
	return reply, nil
}

// Eval runs a script.
func (r *Raw) Eval(script string, keys []string, args ...any) any {
	r.t.Helper()
	cmd := []any{"EVAL", script, len(keys)}
	for _, k := range keys {
		cmd = append(cmd, k)
	}
	return r.Do(append(cmd, args...)...)
}

// Int is Do for a command that answers with a number.
func (r *Raw) Int(args ...any) int64 {
	r.t.Helper()
	n, ok := r.Do(args...).(int64)
	if !ok {
		r.t.Fatalf("redis peer: %v: the reply is not a number", args[0])
	}
	return n
}

// String is Do for a command that answers with a string; a missing one is empty.
func (r *Raw) String(args ...any) string {
	r.t.Helper()
	switch reply := r.Do(args...).(type) {
	case string:
		return reply
	case nil:
		return ""
	default:
		r.t.Fatalf("redis peer: %v: the reply is a %T, not a string", args[0], reply)
		return ""
	}
}

// Strings is Do for a command that answers with a list of strings; missing ones are empty.
func (r *Raw) Strings(args ...any) []string {
	r.t.Helper()
	list, ok := r.Do(args...).([]any)
	if !ok {
		r.t.Fatalf("redis peer: %v: the reply is not a list", args[0])
	}
	return asStrings(list)
}

// Info returns the fields of a section of INFO.
func (r *Raw) Info(section string) map[string]string {
	r.t.Helper()
	fields := map[string]string{}
	for line := range strings.Lines(r.String("INFO", section)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// CommandStats returns how often the server ran each command, by lower-case name, since it started. Commands inside
// scripts count too. The embedded server has no such statistics. In a cluster they are those of all primaries.
func (r *Raw) CommandStats() map[string]int64 {
	r.t.Helper()
	calls := map[string]int64{}
	r.each(func() {
		for name, value := range r.Info("commandstats") {
			name, isCommand := strings.CutPrefix(name, "cmdstat_")
			first, _, _ := strings.Cut(value, ",")
			n, err := strconv.ParseInt(strings.TrimPrefix(first, "calls="), 10, 64)
			if isCommand && err == nil {
				calls[name] += n
			}
		}
	})
	return calls
}

func asStrings(list []any) []string {
	out := make([]string, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case nil:
		case string:
			out[i] = v
		default:
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}
