package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// What becomes of a command when replicas have to have it, too.
func TestReplicas(t *testing.T) {
	t.Parallel()
	const done = "*1\r\n$1\r\nw\r\n"
	tests := map[string]struct {
		change  func(call)
		script  []exchange
		waited  []bool // for each request, whether it ended with WAIT
		unknown string // what the error says; empty: there is none
	}{
		"enough":     {script: []exchange{replies(done + ":1\r\n")}, waited: []bool{true}},
		"more":       {script: []exchange{replies(done + ":2\r\n")}, waited: []bool{true}},
		"too few":    {script: []exchange{replies(done + ":0\r\n")}, waited: []bool{true}, unknown: "too few replicas"},
		"a replica":  {script: []exchange{replies(done + "-ERR WAIT cannot be used with replica instances\r\n")}, waited: []bool{true}, unknown: "too few"},
		"cut before": {script: []exchange{replies(done)}, waited: []bool{true}, unknown: "too few replicas"},
		"only read":  {change: func(c call) { c.ReadOnly = true }, script: []exchange{replies(done)}, waited: []bool{false}},
		"too few for what has no caller": {change: func(c call) { c.Repeatable, c.Patient = true, true },
			script: []exchange{replies(done + ":0\r\n"), replies(done), replies(done + ":1\r\n")}, waited: []bool{true, true, true}},
		"not known script": {script: []exchange{replies("-NOSCRIPT No\r\n:1\r\n"), replies(done + ":1\r\n")}, waited: []bool{true, true}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lane, redis := fake(tc.script...)
			lane.Replicas = wire.Replicas{N: 1, Timeout: 250 * time.Millisecond}
			o := newOutbox("n", lane, time.Minute)
			c := noting(note, "w")
			if tc.change != nil {
				tc.change(c)
			}
			o.Add(c)
			pump(t, o)
			_, err := answer(t, c)
			var waited []bool
			for _, r := range redis.requests {
				waited = append(waited, strings.HasSuffix(r, "*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$3\r\n250\r\n"))
			}
			assert.Equal(t, tc.waited, waited)
			if tc.unknown == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, wire.ErrNotReplicated)
			assert.True(t, isUnknown(err))
			assert.False(t, isNotSent(err))
			assert.Contains(t, err.Error(), tc.unknown)
		})
	}
}

// A cluster's redirections are not followed by the connection: what was refused is sent again, in order, and the lane is
// told before.
func TestRedirections(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"MOVED 1 a:1", "ASK 1 a:1", "TRYAGAIN Multiple keys"} {
		refused := "-" + text + "\r\n"
		lane, redis := fake(replies("*1\r\n"+bulk("a")+refused+refused), replies("*1\r\n"+bulk("b")+"*1\r\n"+bulk("c")))
		var told []string
		lane.Turned = func(err error) { told = append(told, err.Error()) }
		o := newOutbox("n", lane, time.Minute)
		calls := []call{noting(note, "a"), noting(other, "b"), noting(note, "c")}
		for _, c := range calls {
			o.Add(c)
		}
		pump(t, o)
		for _, c := range calls {
			_, err := answer(t, c)
			require.NoError(t, err, text)
		}
		assert.Equal(t, []string{"a/0 + b/0 + c/0", "b/0 + c/0"}, redis.sent(), text)
		assert.Equal(t, []string{text}, told)
	}
}

// In a cluster each script has a key more, which never exists.
func TestMovingKey(t *testing.T) {
	t.Parallel()
	lane, redis := fake(replies("*1\r\n" + bulk("w")))
	lane.Cluster = true
	o := newOutbox("{n}", lane, time.Minute)
	o.Add(readOnly(noting(note, "w")))
	pump(t, o)
	require.Len(t, redis.requests, 1)
	assert.Contains(t, redis.requests[0], "\r\nfeed.moving:{n}\r\n")
}
