package wire_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// What becomes of a command, by what happened to it and what it allows.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	refused := func(text string) exchange { return replies("-" + text + "\r\n") }
	type kind int
	const (
		plain kind = iota
		repeat
		read
	)
	tests := map[string]struct {
		kind     kind
		patience time.Duration
		script   []exchange
		sent     []string
		// The error: both false and a message is any other.
		notSent, unknown bool
		is               error
		says             string
	}{
		"answered":             {script: []exchange{echo}, sent: []string{"w/0"}},
		"lost, not repeatable": {script: []exchange{lost}, sent: []string{"w/0"}, unknown: true, says: "cut"},
		"lost, repeatable":     {kind: repeat, script: []exchange{lost, echo}, sent: []string{"w/0", "w/1"}},
		"lost three times":     {kind: repeat, script: []exchange{lost, lost, lost, echo}, sent: []string{"w/0", "w/1", "w/1", "w/1"}},
		"lost, only read":      {kind: read, script: []exchange{lost, echo}, sent: []string{"w/0", "w/0"}},
		"lost for longer than patience": {kind: repeat, patience: -1, script: []exchange{lost}, sent: []string{"w/0"},
			unknown: true, is: actor.ErrUnavailable, says: "cut"},
		"a read lost for longer than patience": {kind: read, patience: -1, script: []exchange{lost}, sent: []string{"w/0"},
			notSent: true, is: actor.ErrUnavailable, says: "cut"},
		"refused":                     {script: []exchange{refused("OOM command not allowed")}, sent: []string{"w/0"}, notSent: true, says: "OOM command"},
		"wrong type":                  {kind: repeat, script: []exchange{refused("WRONGTYPE Operation")}, sent: []string{"w/0"}, notSent: true, says: "WRONGTYPE"},
		"no permission":               {script: []exchange{refused("NOPERM this user")}, sent: []string{"w/0"}, notSent: true, says: "NOPERM"},
		"loading":                     {script: []exchange{refused("LOADING Redis is loading"), echo}, sent: []string{"w/0", "w/0"}},
		"read-only":                   {script: []exchange{refused("READONLY You can't write"), echo}, sent: []string{"w/0", "w/0"}},
		"read-only inside a script":   {script: []exchange{refused("READONLY You can't write against a read only replica. script: 1, on @user_script:3."), echo}, sent: []string{"w/0", "w/0"}},
		"read-only, as Redis 6 tells": {script: []exchange{refused("ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -READONLY You can't write against a read only replica. "), echo}, sent: []string{"w/0", "w/0"}},
		"busy":                        {script: []exchange{refused("BUSY Redis is busy running a script"), echo}, sent: []string{"w/0", "w/0"}},
		"cluster down":                {script: []exchange{refused("CLUSTERDOWN The cluster is down"), echo}, sent: []string{"w/0", "w/0"}},
		"no replicas":                 {script: []exchange{refused("NOREPLICAS Not enough good replicas"), echo}, sent: []string{"w/0", "w/0"}},
		"loading for longer than patience": {patience: -1, script: []exchange{refused("LOADING")}, sent: []string{"w/0"},
			notSent: true, is: actor.ErrUnavailable, says: "LOADING"},
		"lost, then loading for longer than patience": {kind: repeat, patience: 30 * time.Millisecond, script: []exchange{lost, refused("LOADING")},
			unknown: true, is: actor.ErrUnavailable, says: "LOADING"},
		"lost, then refused":          {kind: repeat, script: []exchange{lost, refused("OOM")}, sent: []string{"w/0", "w/1"}, unknown: true, says: "OOM"},
		"script not known":            {script: []exchange{refused("NOSCRIPT No matching script"), echo}, sent: []string{"w/0", "w/0"}},
		"script not known, then lost": {script: []exchange{refused("NOSCRIPT No matching"), lost}, sent: []string{"w/0", "w/0"}, unknown: true},
		"too many elements":           {script: []exchange{replies("*2\r\n$1\r\nw\r\n$1\r\nx\r\n")}, sent: []string{"w/0"}, unknown: true, says: "2 elements for 1"},
		"too few elements":            {kind: repeat, script: []exchange{replies("*0\r\n"), echo}, sent: []string{"w/0", "w/1"}},
		"another type":                {script: []exchange{replies("*1\r\n:1\r\n")}, sent: []string{"w/0"}, unknown: true},
		"not RESP":                    {script: []exchange{replies("HTTP/1.1 400 Bad Request\r\n\r\n")}, sent: []string{"w/0"}, unknown: true},
		"cut inside of the reply":     {script: []exchange{replies("*1\r\n$1\r\n")}, sent: []string{"w/0"}, unknown: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.patience == 0 {
				tc.patience = time.Minute
			}
			lane, redis := fake(tc.script...)
			o := newOutbox("n", lane, tc.patience)
			c := noting(note, "w")
			c.Repeatable, c.ReadOnly = tc.kind == repeat, tc.kind == read
			o.Add(c)
			pump(t, o)
			v, err := answer(t, c)
			if tc.sent != nil {
				assert.Equal(t, tc.sent, redis.sent())
			}
			if !tc.notSent && !tc.unknown {
				assert.NoError(t, err)
				assert.Equal(t, "w", v)
				return
			}
			require.Error(t, err)
			assert.Equal(t, tc.notSent, isNotSent(err), "ErrNotSent: %v", err)
			assert.Equal(t, tc.unknown, isUnknown(err), "ErrOutcomeUnknown: %v", err)
			assert.Contains(t, err.Error(), tc.says)
			if tc.is != nil {
				assert.ErrorIs(t, err, tc.is)
			}
		})
	}
}

// Of a batch of several calls some are answered before the connection ends: those
// are not sent again, and those that are keep their order.
func TestPartlyAnswered(t *testing.T) {
	t.Parallel()
	lane, redis := fake(replies("*2\r\n", bulk("a"), bulk("b"), "*1\r\n", bulk("c"), "*2\r\n", bulk("d")), echo)
	o := newOutbox("n", lane, time.Minute)
	var calls []call
	add := func(c call) { calls = append(calls, c); o.Add(c) }
	add(noting(note, "a"))
	add(noting(note, "b"))
	add(noting(other, "c"))
	add(repeatable(noting(note, "d"))) // decoded, the second element of its run is not
	add(repeatable(noting(note, "e")))
	add(readOnly(noting(other, "f")))
	add(noting(other, "g"))
	pump(t, o)
	for i, c := range calls {
		v, err := answer(t, c)
		if i == 6 {
			assert.True(t, isUnknown(err), "g: %v", err)
			continue
		}
		assert.NoError(t, err)
		assert.Equal(t, string('a'+rune(i)), v)
	}
	assert.Equal(t, []string{"a b/0 + c/0 + d e/0 + f g/0", "e/1 + f/0"}, redis.sent())
}

// Redis forgets some of its scripts: those calls are made again with their text,
// the others are not.
func TestNoScriptOfSome(t *testing.T) {
	t.Parallel()
	noscript := "-NOSCRIPT No matching script. Please use EVAL.\r\n"
	lane, redis := fake(replies(noscript, "*1\r\n", bulk("b"), noscript), echo)
	o := newOutbox("n", lane, time.Minute)
	a, b, c := noting(note, "a"), noting(other, "b"), noting(note, "c")
	for _, c := range []call{a, b, c} {
		o.Add(c)
	}
	pump(t, o)
	for _, c := range []call{a, b, c} {
		_, err := answer(t, c)
		assert.NoError(t, err)
	}
	assert.Equal(t, []string{"a/0 + b/0 + c/0", "a/0 + c/0"}, redis.sent())
	for i, cmd := range commands(redis.requests[1]) {
		assert.Equal(t, []string{"EVAL", note.Source()}, cmd[:2], "call %d", i)
	}
}

// A refusal of one call is no matter of the others in the batch.
func TestRefusalOfOne(t *testing.T) {
	t.Parallel()
	lane, _ := fake(replies("*1\r\n", bulk("a"), "-OOM no\r\n", "*1\r\n", bulk("c")))
	o := newOutbox("n", lane, time.Minute)
	a, b, c := noting(note, "a"), noting(other, "b"), noting(note, "c")
	for _, c := range []call{a, b, c} {
		o.Add(c)
	}
	pump(t, o)
	_, err := answer(t, a)
	assert.NoError(t, err)
	_, err = answer(t, b)
	var refused *wire.RefusedError
	assert.ErrorAs(t, err, &refused)
	_, err = answer(t, c)
	assert.NoError(t, err)
}

// Batches end at 256 groups and at 256 KiB, whichever comes first; a command that
// is larger goes alone.
func TestBatchLimits(t *testing.T) {
	t.Parallel()
	sizes := func(o *wire.Outbox, redis *fakeRedis) (counts []int) {
		pump(t, o)
		for _, r := range redis.requests {
			n := 0
			for _, args := range commands(r) {
				n += len(args) - 5
			}
			counts = append(counts, n)
		}
		return counts
	}
	lane, redis := fake(echo)
	o := newOutbox("n", lane, time.Minute)
	for i := range 600 {
		assert.Equal(t, i >= wire.MaxBatch, o.Full())
		o.Add(noting(note, "w"))
	}
	assert.ElementsMatch(t, []int{256, 256, 88}, sizes(o, redis)) // two are under way at once

	lane, redis = fake(echo)
	o = newOutbox("n", lane, time.Minute)
	for range 7 {
		o.Add(noting(note, strings.Repeat("x", 100<<10)))
	}
	assert.True(t, o.Full())
	assert.ElementsMatch(t, []int{2, 2, 2, 1}, sizes(o, redis)) // two are under way at once

	lane, redis = fake(echo)
	o = newOutbox("n", lane, time.Minute)
	for _, n := range []int{1, 1 << 20, 1, 1} {
		o.Add(noting(note, strings.Repeat("x", n)))
	}
	assert.ElementsMatch(t, []int{1, 1, 2}, sizes(o, redis)) // two are under way at once
}

// Callers leave: before anything was sent, the call is dropped; while it is under
// way, they know that they do not know.
func TestCallersLeave(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	leave := func(c call) error { _, err := c.Wait(ended, nil); return err }

	t.Run("before it is sent", func(t *testing.T) {
		t.Parallel()
		lane, redis := fake(echo)
		o := newOutbox("n", lane, time.Minute)
		a, b := noting(note, "a"), noting(note, "b")
		o.Add(a)
		o.Add(b)
		err := leave(a)
		assert.True(t, isNotSent(err) && !isUnknown(err), "%v", err)
		assert.ErrorIs(t, err, context.Canceled)
		pump(t, o)
		assert.Equal(t, []string{"b/0"}, redis.sent())
	})
	t.Run("all of them before", func(t *testing.T) {
		t.Parallel()
		lane, redis := fake(echo)
		o := newOutbox("n", lane, time.Minute)
		a := noting(note, "a")
		o.Add(a)
		_ = leave(a)
		pump(t, o)
		assert.Empty(t, redis.sent())
	})
	t.Run("under way", func(t *testing.T) {
		t.Parallel()
		a := noting(note, "a")
		var err error
		lane, redis := fake(func(r string) (string, error) { err = leave(a); return echo(r) })
		o := newOutbox("n", lane, time.Minute)
		o.Add(a)
		pump(t, o)
		assert.True(t, isUnknown(err) && !isNotSent(err), "%v", err)
		assert.Equal(t, []string{"a/0"}, redis.sent())
	})
	t.Run("a read under way", func(t *testing.T) {
		t.Parallel()
		a := readOnly(noting(note, "a"))
		var err error
		lane, redis := fake(func(r string) (string, error) { err = leave(a); return lost(r) }, echo)
		o := newOutbox("n", lane, time.Minute)
		o.Add(a)
		pump(t, o)
		assert.True(t, isNotSent(err) && !isUnknown(err), "it changes nothing: %v", err)
		assert.Equal(t, []string{"a/0"}, redis.sent())
	})
	t.Run("under way, then lost: nobody wants it again", func(t *testing.T) {
		t.Parallel()
		a, b := repeatable(noting(note, "a")), repeatable(noting(note, "b"))
		lane, redis := fake(func(r string) (string, error) { _ = leave(a); return lost(r) }, echo)
		o := newOutbox("n", lane, time.Minute)
		o.Add(a)
		o.Add(b)
		pump(t, o)
		assert.Equal(t, []string{"a b/0", "b/1"}, redis.sent())
	})
	t.Run("while waiting for the repetition", func(t *testing.T) {
		t.Parallel()
		a := repeatable(noting(note, "a"))
		lane, redis := fake(lost, echo)
		o := newOutbox("n", lane, time.Minute)
		o.Add(a)
		o.Flush()
		err := leave(a) // it may have run: leaving now cannot take that back
		assert.True(t, isUnknown(err) && !isNotSent(err), "%v", err)
		pump(t, o)
		assert.Equal(t, []string{"a/0"}, redis.sent())
	})
	t.Run("while waiting after nothing was sent", func(t *testing.T) {
		t.Parallel()
		a := noting(note, "a")
		lane, redis := fake(replies("-LOADING\r\n"), echo)
		o := newOutbox("n", lane, time.Minute)
		o.Add(a)
		o.Flush()
		err := leave(a)
		assert.True(t, isNotSent(err) && !isUnknown(err), "%v", err)
		pump(t, o)
		assert.Equal(t, []string{"a/0"}, redis.sent())
	})
}

// The actor gives up: what never ran is told so, what may have run is not.
func TestAbort(t *testing.T) {
	t.Parallel()
	lane, _ := fake(lost)
	o := newOutbox("n", lane, time.Minute)
	ran, fresh := repeatable(noting(note, "ran")), noting(note, "fresh")
	o.Add(ran)
	o.Flush()
	o.Add(fresh)
	o.Abort(actor.ErrStopped)
	require.True(t, o.Empty())
	_, err := answer(t, fresh)
	assert.True(t, isNotSent(err) && !isUnknown(err), "%v", err)
	assert.ErrorIs(t, err, actor.ErrStopped)
	_, err = answer(t, ran)
	assert.True(t, isUnknown(err), "%v", err)
	assert.False(t, isNotSent(err), "a lie: it may have run: %v", err)
}

// Two batches are under way when the connection ends: both come back in their
// old order, in front of what came later. Where Redis is far, a third one could be under way.
func TestOrderOfTwoInFlight(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"a", "b"} { // which of the two comes back first
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			gates := map[string]chan struct{}{"a": make(chan struct{}), "b": make(chan struct{})}
			under := make(chan struct{}, 2)
			gated := func(r string) (string, error) {
				under <- struct{}{}
				<-gates[commands(r)[0][5][:1]]
				return lost(r)
			}
			far := func(r string) (string, error) {
				time.Sleep(2 * time.Millisecond) // it is how far Redis is: there is no event
				return echo(r)
			}
			lane, redis := fake(far, gated, gated, echo)
			o := newOutbox("n", lane, time.Minute)
			o.Add(noting(note, "known")) // the connection knows the script from now on
			pump(t, o)
			for _, batch := range []string{"a", "b"} {
				for i := range 3 {
					o.Add(repeatable(noting(note, fmt.Sprint(batch, i))))
				}
				flush(o)
				<-under
			}
			o.Add(noting(note, "late"))
			close(gates[first])
			o.Land(<-o.Landed())
			o.Flush()
			select {
			case <-under:
				t.Fatal("something was sent while an older batch is under way")
			default:
			}
			for _, g := range gates {
				select {
				case <-g:
				default:
					close(g)
				}
			}
			pump(t, o)
			assert.Equal(t, []string{"known/0", "a0 a1 a2/0", "b0 b1 b2/0", "a0 a1 a2 b0 b1 b2/1 + late/0"}, redis.sent())
		})
	}
}
