package conformance

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// byEngine runs operations through the engine. Where its API has no such call, the nearest one runs:
//
//   - A claim is ended by who holds it, not by id. Finish, cancel and stall of a job that is not claimed are run with a
//     claim that was handed back; of a job that is not there they cannot be said.
//   - A job set looks after itself while somebody claims: maintenance waits until that has happened.
//   - A job set has no stream of events; Wait is for results.
type byEngine struct {
	*world
	eng    *engine.Engine
	feed   *feed.Feed
	sorted *sorted.Sorted
	queue  *queue.Queue
	jobs   *job.Jobs
	claims map[string]*job.Claim

	feedSub   *feed.Subscription
	sortedSub *sorted.Subscription
	alive     bool
}

func openEngine(t testing.TB, cfg engine.Config) *engine.Engine {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL = redistest.Shared(t).URL()
	}
	eng, err := engine.Open(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := eng.Close(ctx); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	return eng
}

func newByEngine(w *world, eng *engine.Engine) *byEngine {
	return &byEngine{world: w, eng: eng, claims: map[string]*job.Claim{}}
}

func must(t testing.TB, err error) {
	t.Helper()
	require.NoError(t, err)
}

func (b *byEngine) do(s step) []string {
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	if kind, _, ok := strings.Cut(s.op, "."); ok {
		must(b.t, b.open(ctx, kinds[kind], nil))
	}
	result, err := b.call(ctx, s)
	if err == nil {
		return result
	}
	told := map[error]string{
		engine.ErrExists: "exists", engine.ErrNoSuchName: "no such name", engine.ErrWrongType: "wrong type",
		engine.ErrInvalidConfig: "invalid", feed.ErrNotFound: "missing", sorted.ErrNotFound: "missing", job.ErrNotFound: "missing",
		queue.ErrEmpty: "empty", job.ErrEmpty: "empty", job.ErrNotOwner: "not claimed", job.ErrNotStalled: "not stalled",
	}
	for e, text := range told {
		if errors.Is(err, e) {
			return strings.Fields(text)
		}
	}
	b.t.Fatalf("%s: %v", s.op, err)
	return nil
}

// open opens the name as a type, once.
func (b *byEngine) open(ctx context.Context, t contract.Type, fields map[string]string) (err error) {
	length, notANumber := strconv.Atoi(fields["max_length"])
	typed := t == contract.TypeFeed && (notANumber == nil && length > 0 || fields["max_length"] == "")
	if len(fields) > 0 && !typed {
		err := b.eng.Create(ctx, b.name, t, fields)
		if err != nil && !errors.Is(err, engine.ErrExists) {
			return err
		}
	}
	switch t {
	case contract.TypeFeed:
		if b.feed == nil {
			cfg := feed.Config{}
			if typed {
				cfg = feed.Config{MaxLength: length, Title: fields["title"]}
			}
			b.feed, err = b.eng.Feed(ctx, b.name, cfg)
		}
	case contract.TypeSorted:
		if b.sorted == nil {
			b.sorted, err = b.eng.Sorted(ctx, b.name, sorted.Config{})
		}
	case contract.TypeQueue:
		if b.queue == nil {
			b.queue, err = b.eng.Queue(ctx, b.name, queue.Config{})
		}
	case contract.TypeJob:
		if b.jobs == nil {
			b.jobs, err = b.eng.Jobs(ctx, b.name, job.Config{})
		}
	}
	return err
}

func (b *byEngine) call(ctx context.Context, s step) ([]string, error) {
	a, x := s.args, b.name
	arg := func(i int) string {
		if i < len(a) {
			return a[i]
		}
		return ""
	}
	given := strings.TrimPrefix(arg(0), "-")
	switch s.op {
	case "create":
		b.feed, b.sorted, b.queue, b.jobs = nil, nil, nil, nil // a new handle
		return nil, b.open(ctx, contract.Type(a[0]), fields(a[1:]))
	case "create_feed":
		others := fields(a)
		delete(others, contract.FieldType) // an argument of its own
		return nil, b.eng.Create(ctx, x, engine.TypeFeed, others)
	case "set_config":
		return nil, b.eng.Configure(ctx, x, fields(a))
	case "delete", "delete_feed":
		return nil, b.eng.Delete(ctx, x)
	case "feed_exists":
		exists, _, err := b.eng.Exists(ctx, a[0])
		return one(exists, err)
	case "get_feeds":
		for name, err := range b.eng.Names(ctx) {
			if err != nil || name == x {
				return []string{name}, err
			}
		}
		return []string{"none"}, nil
	case "feed.publish":
		if given == "" {
			return one(b.feed.Publish(ctx, []byte(a[1])))
		}
		return one(given, b.feed.PublishAs(ctx, given, []byte(a[1])))
	case "feed.retract":
		return nil, b.feed.Retract(ctx, a[0])
	case "feed.get_ids":
		return listed(b.feed.IDs(ctx))
	case "feed.get_item":
		body, err := b.feed.Get(ctx, a[0])
		return one(string(body), err)
	case "feed.get_all":
		var list []string
		for it, err := range b.feed.All(ctx) {
			must(b.t, err)
			list = append(list, it.ID+"="+string(it.Body))
		}
		return listed(list, nil)
	case "feed.has_id":
		return one(b.feed.Has(ctx, a[0]))
	case "sorted.append", "sorted.publish":
		return one(b.sorted.Append(ctx, []byte(a[0])))
	case "sorted.prepend":
		return one(b.sorted.Prepend(ctx, []byte(a[0])))
	case "sorted.publish_before":
		return one(b.sorted.Insert(ctx, []byte(a[1]), sorted.Before(a[0])))
	case "sorted.publish_after":
		return one(b.sorted.Insert(ctx, []byte(a[1]), sorted.After(a[0])))
	case "sorted.edit":
		return nil, b.sorted.Edit(ctx, a[0], []byte(a[1]))
	case "sorted.move":
		return nil, b.sorted.Move(ctx, a[0], position(a[1]))
	case "sorted.retract":
		return nil, b.sorted.Retract(ctx, a[0])
	case "sorted.get_ids":
		return listed(b.sorted.IDs(ctx))
	case "sorted.get_item":
		body, err := b.sorted.Get(ctx, a[0])
		return one(string(body), err)
	case "sorted.get_all":
		var list []string
		for it, err := range b.sorted.All(ctx) {
			must(b.t, err)
			list = append(list, it.ID+"="+string(it.Body))
		}
		return listed(list, nil)
	case "queue.put":
		priority := queue.Normal
		if arg(1) == "high" {
			priority = queue.High
		}
		return one(b.queue.Put(ctx, []byte(a[0]), queue.PutOptions{Priority: priority}))
	case "queue.get":
		it, err := b.queue.TryGet(ctx)
		return []string{string(it.Body)}, err
	case "queue.get_ids":
		ids, err := b.queue.IDs(ctx)
		return listed(ids, err)
	case "redis":
		return b.raws(a), nil
	case "subscribe":
		return nil, b.subscribe(ctx, contract.Type(a[0]))
	case "listener_alive":
		if b.feedSub == nil && b.sortedSub == nil {
			return []string{"no", "events"}, nil
		}
		b.events(nil)
		return one(b.alive, nil)
	}
	return b.callJobs(ctx, s.op, a, given)
}

func position(s string) sorted.Position {
	switch {
	case s == "begin:":
		return sorted.First
	case s == ":end":
		return sorted.Last
	case strings.HasPrefix(s, ":"):
		return sorted.Before(s[1:])
	}
	return sorted.After(strings.TrimSuffix(s, ":"))
}

func (b *byEngine) callJobs(ctx context.Context, op string, a []string, given string) ([]string, error) {
	switch op {
	case "job.put":
		opts := job.PutOptions{ID: given}
		if len(a) == 3 {
			opts.Priority = job.High
		}
		return one(b.jobs.Put(ctx, []byte(a[1]), opts))
	case "job.get":
		c, err := b.jobs.TryGet(ctx)
		if err != nil {
			return nil, err
		}
		b.claims[c.ID] = c
		return []string{c.ID, string(c.Body), strconv.Itoa(c.Failures)}, nil
	case "job.finish", "job.cancel", "job.stall":
		c, err := b.claim(ctx, a[0])
		if err != nil {
			return nil, err
		}
		switch op {
		case "job.cancel":
			return nil, c.Cancel(ctx, "")
		case "job.stall":
			return nil, c.Stall(ctx, "")
		}
		var result []byte
		if len(a) == 2 {
			result = []byte(a[1])
		}
		return nil, c.Finish(ctx, result)
	case "job.retry":
		return nil, b.jobs.Retry(ctx, a[0])
	case "job.retract":
		return nil, b.jobs.Retract(ctx, a[0])
	case "job.failures":
		return one(b.jobs.Failures(ctx, a[0]))
	case "job.get_item":
		info, err := b.jobs.Info(ctx, a[0])
		return []string{string(info.Body)}, err
	case "job.get_ids":
		var ids []string
		for id, err := range b.jobs.IDs(ctx, job.All) {
			must(b.t, err)
			ids = append(ids, id)
		}
		return listed(b.inOrder(ids), nil)
	case "job.maintenance":
		b.maintained(ctx)
		return nil, nil
	}
	b.t.Fatalf("what is %s?", op)
	return nil, nil
}

// claim is that of a job, or one that is not held any more.
func (b *byEngine) claim(ctx context.Context, id string) (*job.Claim, error) {
	if c := b.claims[id]; c != nil {
		delete(b.claims, id)
		return c, nil
	}
	if _, err := b.jobs.Info(ctx, id); errors.Is(err, job.ErrNotFound) {
		return nil, job.ErrNotOwner
	}
	c, err := b.jobs.TryGet(ctx)
	must(b.t, err)
	require.Equal(b.t, id, c.ID)
	must(b.t, c.Return(ctx))
	return c, nil
}

// maintained waits until the engine has found a job that is in no state, and everything else that is.
func (b *byEngine) maintained(ctx context.Context) {
	const canary = "canary"
	// Whoever claims looks after the job set.
	c, err := b.jobs.TryGet(ctx)
	if err == nil {
		err = c.Return(ctx)
	}
	if !errors.Is(err, job.ErrEmpty) {
		must(b.t, err)
	}
	b.raw.Do("HSET", contract.Items.Of(b.name), canary, "")
	redistest.Eventually(b.t, func() bool {
		accounted := b.raw.Int("LLEN", contract.IDs.Of(b.name)) + b.raw.Int("ZCARD", contract.Claimed.Of(b.name)) + b.raw.Int("SCARD", contract.Stalled.Of(b.name))
		return accounted == b.raw.Int("HLEN", contract.Items.Of(b.name))
	}, "nobody looks after the job set")
	must(b.t, b.jobs.Retract(ctx, canary))
}

func (b *byEngine) subscribe(ctx context.Context, t contract.Type) (err error) {
	switch t {
	case contract.TypeFeed:
		if b.feedSub, err = b.feed.Follow(ctx, feed.FollowOptions{}); err == nil {
			b.t.Cleanup(func() { must(b.t, b.feedSub.Close()) })
		}
	case contract.TypeSorted:
		if b.sortedSub, err = b.sorted.Follow(ctx, sorted.FollowOptions{}); err == nil {
			b.t.Cleanup(func() { must(b.t, b.sortedSub.Close()) })
		}
	}
	return err
}

// events are what the subscription tells up to a marker, in thoonk.py's words: a new item of a sorted feed and its
// position are one event here.
func (b *byEngine) events([]redistest.Message) (list [][]string) {
	if b.feedSub == nil && b.sortedSub == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	b.alive = false
	b.raw.Do("PUBLISH", contract.Retract.Of(b.name), marker)
	for {
		var e [][]string
		if b.feedSub != nil {
			ev, err := b.feedSub.Next(ctx)
			must(b.t, err)
			e = [][]string{{strings.TrimSuffix(ev.Kind.String(), "ed"), ev.ID, string(ev.Body)}}
			if ev.Kind == feed.Retracted {
				e[0] = e[0][:2]
			}
		} else {
			ev, err := b.sortedSub.Next(ctx)
			must(b.t, err)
			e = sortedEvents(ev)
		}
		if slices.Contains(e[0], marker) {
			b.alive = true
			return list
		}
		list = append(list, e...)
	}
}

func sortedEvents(ev sorted.Event) [][]string {
	place := "unknown"
	if id, ok := ev.Position.Before(); ok {
		place = ":" + id
	} else if id, ok := ev.Position.After(); ok {
		place = id + ":"
	} else if ev.Position == sorted.First {
		place = "begin:"
	} else if ev.Position == sorted.Last {
		place = ":end"
	}
	switch ev.Kind {
	case sorted.Published:
		return [][]string{{"publish", ev.ID, string(ev.Body)}, {"position", ev.ID, place}}
	case sorted.Edited:
		return [][]string{{"edit", ev.ID, string(ev.Body)}}
	case sorted.Moved:
		return [][]string{{"position", ev.ID, place}}
	}
	return [][]string{{strings.TrimSuffix(ev.Kind.String(), "ed"), ev.ID}}
}
