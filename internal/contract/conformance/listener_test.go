package conformance

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestListenerSurvives: in all scenarios, none of the engine's messages ends a thoonk.py listener.
func TestListenerSurvives(t *testing.T) {
	t.Parallel()
	eng := openEngine(t, engine.Config{CheckEvery: 250 * time.Millisecond})
	t.Run("scenarios", func(t *testing.T) {
		each(t, func(t *testing.T, s scenario) {
			w := newWorld(t, s.suffix)
			l := &listened{byEngine: newByEngine(w, eng)}
			w.run(s, l)
		})
	})
}

// listened lets a listener hear what the engine tells.
type listened struct {
	*byEngine
	foreign  bool
	listener *peer.Listener
}

func (l *listened) do(s step) []string {
	l.foreign = s.op == "redis" // not the engine's message
	return l.byEngine.do(s)
}

func (l *listened) events(messages []redistest.Message) [][]string {
	if l.foreign {
		return nil
	}
	for _, m := range messages {
		if l.listener == nil || m.Channel == string(contract.NewFeed) {
			var err error
			if l.listener, err = peer.New(l.raw.DoErr, peer.Config{}).Listen(l.name); err != nil {
				require.NoError(l.t, err)
			}
		}
		l.listener.Hear(m.Channel, m.Payload)
		assert.True(l.t, l.listener.Alive(), "%s %q ends a listener", m.Channel, m.Payload)
	}
	return nil
}

// TestListenerForms: what ends a thoonk.py listener, and what does not.
func TestListenerForms(t *testing.T) {
	t.Parallel()
	redistest.Shared(t).NeedUnclustered(t, "its peers change the set of names and a name in one step")
	raw := redistest.Client(t, redistest.Shared(t).URL())
	p := peer.New(raw.DoErr, peer.Config{})
	for _, c := range []struct {
		of               contract.Type
		channel, payload string
		alive            bool
	}{
		{contract.TypeFeed, "newfeed", "X", false},
		{contract.TypeFeed, "newfeed", "X\x00E", true},
		{contract.TypeFeed, "newfeed", "X\x00E\x00more", false},
		{contract.TypeFeed, "delfeed", "X", false},
		{contract.TypeFeed, "conffeed", "X", false},
		{contract.TypeFeed, "feed.publish:", "1", false},
		{contract.TypeFeed, "feed.publish:", "1\x00", true},
		{contract.TypeFeed, "feed.publish:", "1\x00a\x00b", true},
		{contract.TypeFeed, "feed.edit:", "1", false},
		{contract.TypeFeed, "feed.retract:", "1", true},
		{contract.TypeFeed, "feed.retract:", "1\x00more", true},
		{contract.TypeFeed, "feed.position:", "1", true}, // feeds have none: it does not listen
		{contract.TypeSorted, "feed.position:", "1", false},
		{contract.TypeSorted, "feed.position:", "1\x00:end", true},
		{contract.TypeSorted, "feed.edit:", "1", true}, // nor to edits in sorted feeds
		{contract.TypeJob, "job.finish:", "1", false},
		{contract.TypeJob, "job.finish:", "1\x00", true},
		{contract.TypeJob, "feed.publishes:", "1", false},
		{contract.TypeJob, "feed.claimed:", "1", true},
	} {
		name := redistest.Name(t)
		require.NoError(t, p.Open(name, c.of, nil))
		l, err := p.Listen(name)
		require.NoError(t, err)
		channel := c.channel
		if channel[len(channel)-1] == ':' {
			channel += name
		}
		l.Hear(channel, c.payload)
		assert.Equal(t, c.alive, l.Alive(), "%s %q", c.channel, c.payload)
	}
}

// TestNotices: with notices on, a peer hears of puts and claims what thoonk.py would have told it.
func TestNotices(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t, "")
	eng := openEngine(t, engine.Config{})
	j, err := eng.Jobs(ctx, w.name, job.Config{Notices: true})
	require.NoError(t, err)
	l, err := peer.New(w.raw.DoErr, peer.Config{}).Listen(w.name)
	require.NoError(t, err)
	id, err := j.Put(ctx, []byte("a\x00b"))
	require.NoError(t, err)
	c, err := j.TryGet(ctx)
	require.NoError(t, err)
	require.NoError(t, c.Finish(ctx, []byte{}))
	id2, err := j.Put(ctx, nil)
	require.NoError(t, err)
	c, err = j.TryGet(ctx)
	require.NoError(t, err)
	require.NoError(t, c.Finish(ctx, nil)) // silent: a bare id would end the listener
	var heard []peer.Heard
	var told []string
	for _, m := range w.messages() {
		kind, _, _ := contract.SplitChannel(m.Channel)
		told = append(told, string(kind))
		if h, ok := l.Hear(m.Channel, m.Payload); ok {
			heard = append(heard, h)
		}
	}
	require.True(t, l.Alive())
	require.Equal(t, []peer.Heard{{Kind: "publish", ID: id, Rest: "a\x00b"}, {Kind: "finish", ID: id}, {Kind: "publish", ID: id2}}, heard)
	require.Equal(t, []string{"", "", "feed.publishes:", "feed.claimed:", "job.finish:", "feed.publishes:", "feed.claimed:"}, told)
}

// TestAtomicCreate: a listener that starts while engines create and delete never finds a name without a type, and hears of
// no name whose configuration is not there.
func TestAtomicCreate(t *testing.T) {
	t.Parallel()
	redistest.Shared(t).NeedUnclustered(t, "its peers change the set of names and a name in one step")
	w := newWorld(t, "")
	eng := openEngine(t, engine.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		defer cancel()
		for range operations(300) {
			_, err := eng.Feed(t.Context(), w.name, feed.Config{MaxLength: 3})
			assert.NoError(t, err)
			assert.NoError(t, eng.Delete(t.Context(), w.name))
		}
	})
	// Both are read in one step: the name may be created and deleted between two.
	look := redistest.Client(t, redistest.Shared(t).URL())
	there := 0
	for ctx.Err() == nil {
		replies := look.Pipeline([]any{"MULTI"}, []any{"SISMEMBER", "feeds", w.name}, []any{"HGET", contract.Config.Of(w.name), "type"}, []any{"EXEC"})
		pair := replies[3].([]any)
		if pair[0] == int64(1) {
			there++
			require.Equal(t, "feed", pair[1])
		} else {
			require.Nil(t, pair[1])
		}
	}
	all.Wait()
	t.Logf("seen %d times", there)
	l := &peer.Listener{}
	messages := w.messages()
	require.Len(t, messages, 3*operations(300))
	for i, m := range messages {
		require.Equal(t, []string{"newfeed", "conffeed", "delfeed"}[i%3], m.Channel)
		l.Hear(m.Channel, m.Payload)
		require.True(t, l.Alive())
	}
	// What the engine does not do is what hangs a listener.
	p := peer.New(w.raw.DoErr, peer.Config{})
	w.raw.Do("SADD", "feeds", w.name)
	_, err := p.Listen(w.name)
	require.ErrorIs(t, err, peer.ErrHangs)
	// The engine gives such a name a type.
	_, err = eng.Feed(t.Context(), w.name, feed.Config{})
	require.NoError(t, err)
	_, err = p.Listen(w.name)
	require.NoError(t, err)
	// A peer that announces a name before its configuration is there bothers nobody here.
	watch, err := eng.Watch(t.Context())
	require.NoError(t, err)
	defer watch.Close()
	late := redistest.Name(t)
	require.NoError(t, peer.New(w.raw.DoErr, peer.Config{Faults: peer.Faults{NewfeedFirst: true, NoConffeed: true}}).Create(late, contract.TypeFeed, nil))
	for {
		ev, err := watch.Next(t.Context())
		require.NoError(t, err)
		if ev.Name == late {
			require.Equal(t, engine.NameCreated, ev.Kind)
			break
		}
	}
	f, err := eng.Feed(t.Context(), late, feed.Config{})
	require.NoError(t, err)
	_, err = f.Publish(t.Context(), []byte("x"))
	require.NoError(t, err)
}
