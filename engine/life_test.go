package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oklog/run"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// Names that nobody uses cost nothing, and come back on use; nobody notices,
// however often it happens.
func TestIdleNames(t *testing.T) {
	t.Parallel()
	eng := open(t, engine.Config{URL: redistest.Shared(t).URL(), IdleAfter: 2 * time.Millisecond})
	prefix := redistest.Name(t)
	var feeds []*feed.Feed
	for i := range 200 {
		f, err := eng.Feed(t.Context(), fmt.Sprint(prefix, i), feed.Config{})
		require.NoError(t, err)
		feeds = append(feeds, f)
	}
	none := func() bool { s := eng.Stats(); return s.Feeds.Actors == 0 && s.Names.Actors == 0 }
	redistest.Eventually(t, none, "actors stay")
	for range 3 {
		var wg sync.WaitGroup
		for _, f := range feeds {
			wg.Go(func() {
				_, err := f.Publish(t.Context(), []byte("x"))
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		redistest.Eventually(t, none, "actors stay")
	}
	for _, f := range feeds {
		n, err := f.Len(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 3, n)
	}
	// Calls while owners end all the time.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				_, err := feeds[0].Publish(t.Context(), nil)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	n, err := feeds[0].Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 803, n)
}

// Close answers what was accepted; afterwards nothing runs.
func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	eng, err := engine.Open(t.Context(), engine.Config{URL: url})
	require.NoError(t, err)
	f, err := eng.Feed(t.Context(), redistest.Name(t), feed.Config{})
	require.NoError(t, err)
	var mu sync.Mutex
	stored := map[string]bool{}
	var wg sync.WaitGroup
	busy := make(chan struct{})
	var once sync.Once
	for w := range 64 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				err := f.PublishAs(context.Background(), id, nil)
				if err != nil {
					assert.ErrorIs(t, err, engine.ErrStopped)
					assert.ErrorIs(t, err, engine.ErrNotSent)
					assert.NotErrorIs(t, err, engine.ErrOutcomeUnknown)
					return
				}
				mu.Lock()
				stored[id] = true
				n := len(stored)
				mu.Unlock()
				if n > 500 {
					once.Do(func() { close(busy) })
				}
			}
		})
	}
	<-busy
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() { assert.NoError(t, eng.Close(context.Background())) })
	}
	closers.Wait()
	wg.Wait()
	peer := redistest.Client(t, url)
	ids := peer.Strings("ZRANGE", "feed.ids:"+f.Name(), 0, -1)
	assert.Len(t, ids, len(stored), "what was told to be stopped did not run")
	for _, id := range ids {
		assert.True(t, stored[id], id)
	}
	s := eng.Stats()
	assert.Zero(t, s.Feeds.Actors+s.Names.Actors+s.Feeds.InFlight+s.Names.InFlight)
	assert.ErrorIs(t, eng.Create(t.Context(), "x", engine.TypeFeed, nil), engine.ErrStopped)
	assert.NoError(t, eng.Run())
}

// Close while Redis is away, or hangs: its context is the end of the waiting, and
// every caller is told what is true.
func TestCloseWhileAway(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"killed", "paused"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Private(t, redisserver.Options{Persist: true})
			eng, err := engine.Open(t.Context(), engine.Config{URL: srv.URL(), Patience: time.Minute, Timeout: time.Minute, DrainTimeout: time.Minute})
			require.NoError(t, err)
			f, err := eng.Feed(t.Context(), "news", feed.Config{})
			require.NoError(t, err)
			sub, err := f.Follow(t.Context(), feed.FollowOptions{})
			require.NoError(t, err)
			require.NoError(t, f.PublishAs(t.Context(), "first", nil))
			if how == "killed" {
				require.NoError(t, srv.Kill())
			} else {
				require.NoError(t, srv.Pause())
			}
			results := make(chan error, 200)
			for i := range cap(results) {
				go func() { results <- f.PublishAs(context.Background(), fmt.Sprint(i), nil) }()
			}
			redistest.Eventually(t, func() bool { s := eng.Stats().Feeds; return s.InFlight > 0 || s.Retries > 0 })
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			begun := time.Now()
			assert.ErrorIs(t, eng.Close(ctx), context.DeadlineExceeded)
			assert.Less(t, time.Since(begun), 20*time.Second, "whatever it waited for instead would take a minute")
			for range cap(results) {
				err := <-results
				require.Error(t, err)
				assert.NotEqual(t, errors.Is(err, engine.ErrNotSent), errors.Is(err, engine.ErrOutcomeUnknown), "%v", err)
			}
			for range sub.Events() { // it ends
			}
			assert.ErrorIs(t, sub.Err(), feed.ErrClosed)
			require.NoError(t, eng.Close(t.Context()), "once it is closed")
		})
	}
}

// A call waits as long as its context, and as Patience, let it.
func TestPatience(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	eng := open(t, engine.Config{URL: srv.URL(), Patience: 200 * time.Millisecond})
	f, err := eng.Feed(t.Context(), "news", feed.Config{})
	require.NoError(t, err)
	patient, err := open(t, engine.Config{URL: srv.URL(), Patience: time.Minute}).Feed(t.Context(), "news", feed.Config{})
	require.NoError(t, err)
	require.NoError(t, srv.Kill())

	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = patient.Get(ctx, "a")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, err, engine.ErrNotSent, "it only reads")
	assert.Less(t, time.Since(begun), 20*time.Second, "not as long as Patience lets it")

	for range 2 { // also once the outage is known
		begun = time.Now()
		_, err = f.Get(context.Background(), "a")
		assert.ErrorIs(t, err, engine.ErrUnavailable)
		assert.ErrorIs(t, err, engine.ErrNotSent)
		assert.GreaterOrEqual(t, time.Since(begun), 150*time.Millisecond)
		assert.Less(t, time.Since(begun), 15*time.Second, "half of what Patience is where nobody sets it")
	}
	_, err = f.Follow(context.Background(), feed.FollowOptions{})
	assert.ErrorIs(t, err, engine.ErrUnavailable)
	_, err = eng.Watch(context.Background())
	assert.ErrorIs(t, err, engine.ErrUnavailable)

	require.NoError(t, srv.Restart(t.Context()))
	redistest.Eventually(t, func() bool { return eng.Stats().Reconnects > 0 })
	assert.ErrorIs(t, f.PublishAs(t.Context(), "a", nil), engine.ErrNoSuchName, "it kept nothing")
}

func TestRunGroup(t *testing.T) {
	t.Parallel()
	eng, err := engine.Open(t.Context(), engine.Config{URL: redistest.Shared(t).URL()})
	require.NoError(t, err)
	f, err := eng.Feed(t.Context(), redistest.Name(t), feed.Config{})
	require.NoError(t, err)
	ended := errors.New("the other actor has ended")
	var g run.Group
	g.Add(eng.Run, eng.Interrupt)
	work := make(chan struct{})
	g.Add(func() error {
		err := f.PublishAs(t.Context(), "a", nil)
		<-work
		return errors.Join(err, ended)
	}, func(error) {})
	close(work)
	assert.Equal(t, errors.Join(ended), g.Run())
	assert.ErrorIs(t, f.PublishAs(t.Context(), "b", nil), engine.ErrStopped)
	eng.Interrupt(nil) // once more does nothing
	assert.NoError(t, eng.Run())
	assert.NoError(t, eng.Close(t.Context()))
}

// Interrupt gives up after DrainTimeout when Redis does not answer.
func TestInterruptWhileAway(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	eng, err := engine.Open(t.Context(), engine.Config{URL: srv.URL(), DrainTimeout: 50 * time.Millisecond})
	require.NoError(t, err)
	f, err := eng.Feed(t.Context(), "news", feed.Config{})
	require.NoError(t, err)
	require.NoError(t, srv.Pause())
	result := make(chan error, 1)
	go func() { result <- f.PublishAs(context.Background(), "a", nil) }()
	redistest.Eventually(t, func() bool { return eng.Stats().Feeds.InFlight > 0 })
	eng.Interrupt(nil)
	assert.NoError(t, eng.Run())
	err = <-result
	assert.ErrorIs(t, err, engine.ErrOutcomeUnknown)
	assert.NotErrorIs(t, err, engine.ErrNotSent)
	require.NoError(t, srv.Resume())
}

func TestStats(t *testing.T) {
	t.Parallel()
	eng := open(t, engine.Config{URL: redistest.Shared(t).URL(), Connections: 1})
	f, err := eng.Feed(t.Context(), redistest.Name(t), feed.Config{})
	require.NoError(t, err)
	before := eng.Stats().Feeds
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for range 10 {
				_, err := f.Publish(t.Context(), nil)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	after := eng.Stats().Feeds
	assert.Equal(t, before.Commands+1000, after.Commands)
	assert.Equal(t, 1, after.Actors)
	assert.Zero(t, after.InFlight)
	assert.Zero(t, after.Retries)
	assert.Greater(t, after.BatchMean(), 2.0, "100 callers share batches")
	var sum uint64
	for _, n := range after.BatchSizes {
		sum += n
	}
	assert.Equal(t, after.Batches, sum)
	assert.Zero(t, engine.KindStats{}.BatchMean())
}
