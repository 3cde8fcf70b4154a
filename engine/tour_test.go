package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// A tour visits the whole API and notes the errors. It goes on after each: what an
// error keeps away fails with an error of its own, or is left out.
type tour struct {
	t     *testing.T
	ctx   context.Context
	eng   *engine.Engine
	admin *redistest.Raw // may do everything: the one who loses ids, and so on
	logs  *observer.ObservedLogs

	prefix string // of the names

	mu     sync.Mutex
	errors []error
}

// ok notes an error.
func (g *tour) ok(err error) bool {
	if err == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.errors = append(g.errors, err)
	return false
}

func (g *tour) name(of string) string { return g.prefix + of }

// within bounds one wait.
func (g *tour) within(d time.Duration, f func(ctx context.Context) error) bool {
	ctx, cancel := context.WithTimeout(g.ctx, d)
	defer cancel()
	return g.ok(f(ctx))
}

func (g *tour) everything() {
	g.names()
	g.feeds()
	g.pattern()
	g.sorted()
	g.queues()
	g.jobs()
}

const patience = 8 * time.Second // of one wait

func (g *tour) names() {
	w, err := g.eng.Watch(g.ctx)
	if g.ok(err) {
		defer w.Close()
	}
	name := g.name("names")
	if !g.ok(g.eng.Create(g.ctx, name, engine.TypeFeed, map[string]string{"title": "t"})) {
		return
	}
	if w != nil {
		g.within(patience, func(ctx context.Context) error { _, err := w.Next(ctx); return err })
	}
	g.ok(g.eng.Configure(g.ctx, name, map[string]string{"title": "u"}, "x"))
	_, _, err = g.eng.Exists(g.ctx, name)
	g.ok(err)
	_, err = g.eng.Fields(g.ctx, name)
	g.ok(err)
	for _, err := range g.eng.Names(g.ctx) {
		g.ok(err)
	}
	g.ok(g.eng.Delete(g.ctx, name))
}

func (g *tour) feeds() {
	f, err := g.eng.Feed(g.ctx, g.name("feed"), feed.Config{MaxLength: 3000})
	if !g.ok(err) {
		return
	}
	sub, err := f.Follow(g.ctx, feed.FollowOptions{Snapshot: true})
	if g.ok(err) {
		defer sub.Close()
	}
	g.ok(f.PublishAs(g.ctx, "a", []byte("1")))
	g.ok(f.PublishAs(g.ctx, "a", []byte("2")))
	if sub != nil {
		g.within(patience, func(ctx context.Context) error { _, err := sub.Next(ctx); return err })
	}
	items := make([]feed.Item, 1500)
	for i := range items {
		items[i] = feed.Item{ID: fmt.Sprint(i), Body: []byte("x")}
	}
	_, err = f.PublishMany(g.ctx, items)
	g.ok(err)
	_, err = f.Get(g.ctx, "1")
	g.ok(err)
	_, err = f.Has(g.ctx, "a")
	g.ok(err)
	_, err = f.Len(g.ctx)
	g.ok(err)
	_, err = f.IDs(g.ctx)
	g.ok(err)
	_, err = f.Oldest(g.ctx, 2)
	g.ok(err)
	_, err = f.Newest(g.ctx, 1200)
	g.ok(err)
	read := 0
	for it, err := range f.All(g.ctx) {
		if !g.ok(err) {
			break
		}
		if read++; read%4 == 0 {
			g.ok(f.Retract(g.ctx, it.ID)) // among them the last of a page: the cursor goes by the score
		}
	}
	_, err = f.Config(g.ctx)
	g.ok(err)
	g.ok(f.Configure(g.ctx, feed.Config{MaxLength: 10}))
	_, err = f.Publish(g.ctx, []byte("3")) // evicts the rest in steps
	g.ok(err)
}

func (g *tour) pattern() {
	sub, err := g.eng.FollowFeeds(g.ctx, "shop.*", feed.FollowOptions{})
	if g.ok(err) {
		g.ok(sub.Close())
	}
}

func (g *tour) sorted() {
	s, err := g.eng.Sorted(g.ctx, g.name("sorted"), sorted.Config{})
	if !g.ok(err) {
		return
	}
	sub, err := s.Follow(g.ctx, sorted.FollowOptions{Snapshot: true})
	if g.ok(err) {
		defer sub.Close()
	}
	one, err := s.Append(g.ctx, []byte("1"))
	g.ok(err)
	if sub != nil && err == nil {
		g.within(patience, func(ctx context.Context) error { _, err := sub.Next(ctx); return err })
	}
	two, err := s.Prepend(g.ctx, []byte("2"))
	g.ok(err)
	if one == "" || two == "" {
		one, two = "1", "2"
	}
	_, err = s.Insert(g.ctx, []byte("3"), sorted.Before(one))
	g.ok(err)
	g.ok(s.Edit(g.ctx, one, []byte("4")))
	g.ok(s.Move(g.ctx, one, sorted.First))
	g.ok(s.Move(g.ctx, one, sorted.Last))
	g.ok(s.Move(g.ctx, one, sorted.After(two)))
	_, err = s.Get(g.ctx, one)
	g.ok(err)
	_, err = s.Index(g.ctx, one)
	g.ok(err)
	_, err = s.Len(g.ctx)
	g.ok(err)
	_, err = s.IDs(g.ctx)
	g.ok(err)
	for _, err := range s.All(g.ctx) {
		g.ok(err)
	}
	g.ok(s.Retract(g.ctx, two))
}

func (g *tour) queues() {
	q, err := g.eng.Queue(g.ctx, g.name("queue"), queue.Config{})
	if !g.ok(err) {
		return
	}
	put, err := q.PutMany(g.ctx, [][]byte{{1}, {2}, {3}})
	if !g.ok(err) || !g.ok(put[0].Err) {
		return // nobody will get anything
	}
	_, err = q.Put(g.ctx, nil, queue.PutOptions{Priority: queue.High})
	g.ok(err)
	_, err = q.Len(g.ctx)
	g.ok(err)
	_, err = q.IDs(g.ctx)
	g.ok(err)
	_, err = q.Peek(g.ctx, 1)
	g.ok(err)
	_, err = q.TryGet(g.ctx)
	g.ok(err)
	g.within(patience, func(ctx context.Context) error { _, err := q.GetUpTo(ctx, 2, 0); return err })
	_, err = q.Purge(g.ctx)
	if !g.ok(err) {
		return
	}
	// A getter waits, and is woken; another time an item has lost its id.
	wake := func(put func()) {
		ctx, cancel := context.WithCancel(g.ctx)
		defer cancel()
		done, waiting := make(chan error, 1), g.waits(ctx)
		go func() { _, err := q.Get(ctx); done <- err }()
		select {
		case err := <-done:
			g.ok(err)
			return
		case <-waiting:
		}
		put()
		g.ok(g.unlessComplained(func() bool { return len(done) > 0 }))
		cancel()
		<-done // an error, if the log has told why
	}
	wake(func() { _, err := q.Put(g.ctx, nil); g.ok(err) })
	wake(func() { g.admin.Do("HSET", "feed.items:"+g.name("queue"), "lost", "x") })
	g.brokenQueue(q)
}

// brokenQueue turns a queue whose getter waits into something else. Another getter
// on the same connection must not be held up by it.
func (g *tour) brokenQueue(q *queue.Queue) {
	other, err := g.eng.Queue(g.ctx, g.name("other"), queue.Config{})
	if !g.ok(err) {
		return
	}
	g.within(patience, func(ctx context.Context) error {
		first, second, waiting := make(chan error, 1), make(chan error, 1), g.waits(ctx)
		go func() { _, err := q.Get(ctx); first <- err }()
		select {
		case err := <-first:
			return err
		case <-waiting:
		}
		g.admin.Do("SET", "feed.ids:"+g.name("queue"), "not a list")
		defer g.admin.Do("DEL", "feed.ids:"+g.name("queue"))
		go func() { _, err := other.Get(ctx); second <- err }()
		err := <-first
		if err != nil && strings.Contains(err.Error(), "WRONGTYPE") {
			err = nil // as it should be
		}
		g.ok(err)
		if _, err = other.Put(ctx, nil); err != nil {
			return err
		}
		return <-second
	})
}

// waits is closed when a getter waits in a blocking pop.
func (g *tour) waits(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil && (g.eng.Stats().Waker.Names == 0 || g.admin.Info("clients")["blocked_clients"] == "0") {
			<-tick.C
		}
	}()
	return done
}

func (g *tour) jobs() {
	j, err := g.eng.Jobs(g.ctx, g.name("jobs"), job.Config{MaxFailures: 2, MinBackoff: time.Millisecond, Notices: true})
	if !g.ok(err) {
		return
	}
	_, err = j.PutMany(g.ctx, make([][]byte, 3))
	g.ok(err)
	g.claims(j)
	_, err = j.Counts(g.ctx)
	g.ok(err)
	for _, s := range []job.State{job.Available, job.Claimed, job.Delayed, job.Stalled, job.All} {
		for _, err := range j.IDs(g.ctx, s) {
			g.ok(err)
		}
	}
	_, err = j.RetryAll(g.ctx)
	g.ok(err)
	g.ok(j.Pause(g.ctx))
	g.ok(j.Resume(g.ctx))
	g.handler(j)
	_, err = j.Stats(g.ctx)
	g.ok(err)
}

// claims does by hand what can be done with a claim.
func (g *tour) claims(j *job.Jobs) {
	for _, end := range []func(c *job.Claim) error{
		func(c *job.Claim) error { return c.Return(g.ctx) },
		func(c *job.Claim) error { return c.Snooze(g.ctx, time.Millisecond) },
		func(c *job.Claim) error { return c.Cancel(g.ctx, "why") },
		func(c *job.Claim) error { return c.Stall(g.ctx, "why") },
		func(c *job.Claim) error { return c.Finish(g.ctx, []byte("r")) },
	} {
		g.within(patience, func(ctx context.Context) error {
			if _, err := j.Put(ctx, nil); err != nil {
				return err
			}
			c, err := j.Get(ctx)
			if err != nil {
				return err
			}
			g.ok(c.Extend(ctx))
			g.ok(c.Progress(ctx, "half"))
			_, err = j.Info(ctx, c.ID)
			g.ok(err)
			return end(c)
		})
	}
	for id, err := range j.IDs(g.ctx, job.Stalled) {
		if g.ok(err) {
			g.ok(j.Retry(g.ctx, id))
			_, err := j.Failures(g.ctx, id)
			g.ok(err)
			g.ok(j.Retract(g.ctx, id))
		}
	}
}

// handler has jobs handled: one that fails, one that is delayed, one whose claim a
// peer has left, and one that was lost. All of them end.
func (g *tour) handler(j *job.Jobs) {
	g.ok(g.eng.Handle(g.ctx, j, func(_ context.Context, c *job.Claim) ([]byte, error) {
		if c.Failures == 0 {
			return nil, context.Canceled
		}
		return []byte("done"), nil
	}, pool.Options{Workers: 2}))
	// A job that cannot be claimed never ends: the log says why.
	wait := func(id string) {
		ctx, cancel := context.WithCancel(g.ctx)
		defer cancel()
		ended := make(chan error, 1)
		go func() { _, err := j.Wait(ctx, id); ended <- err }()
		if err := g.unlessComplained(func() bool { return len(ended) > 0 }); err != nil {
			g.ok(err)
			cancel()
			<-ended
		} else if len(ended) > 0 {
			g.ok(<-ended)
		} else {
			cancel()
			<-ended
		}
	}
	id, err := j.Put(g.ctx, nil)
	if !g.ok(err) {
		return
	}
	g.admin.Do("HSET", "feed.items:"+g.name("jobs"), "lost", "x")
	wait(id)
	if id, err = j.Put(g.ctx, nil, job.PutOptions{Delay: 20 * time.Millisecond, ID: "late"}); g.ok(err) {
		wait(id)
	}
	g.ok(g.unlessComplained(func() bool { return g.admin.Int("HEXISTS", "feed.items:"+g.name("jobs"), "lost") == 0 }))
}

// unlessComplained waits for a condition, or until the log tells of a missing right.
func (g *tour) unlessComplained(cond func() bool) error {
	ctx, cancel := context.WithTimeout(g.ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() && !g.complained() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// complained reports whether the log tells of a missing right.
func (g *tour) complained() bool {
	for _, e := range g.logs.All() {
		if s, ok := e.ContextMap()["error"].(string); ok && strings.Contains(s, "NOPERM") {
			return true
		}
	}
	return false
}
