package load

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

func (p *process) followers() {
	p.follow(Feed, feed.FollowOptions{Snapshot: true, Mailbox: 64}, func(c *caller, sub *feed.Subscription) {
		(&mirror{caller: c, bodies: map[string]string{}}).run(sub)
	})
	// A small mailbox is full now and then; with a large one order is seen.
	p.follow(News, feed.FollowOptions{Mailbox: []int{8, 2048}[p.others.Load()%2]}, (*caller).read)
}

// follow follows a feed until the engine is closed.
func (p *process) follow(name string, opts feed.FollowOptions, run func(*caller, *feed.Subscription)) {
	c := p.caller()
	p.fences.settled.Add(1)
	p.waiters.Go(func() {
		var sub *feed.Subscription
		f, ok := c.feed(name, feed.Config{MaxLength: map[string]int{News: NewsBound}[name]})
		if ok {
			sub, ok = opening(c, name, func(ctx context.Context) (*feed.Subscription, error) { return f.Follow(ctx, opts) })
		}
		if ok {
			p.fences.join()
			c.note(ledger.Record{Do: "follows", Name: name})
		}
		p.fences.settled.Done()
		if !ok {
			return
		}
		run(c, sub)
		if err := sub.Err(); err != nil && !errors.Is(err, feed.ErrClosed) {
			c.note(ledger.Record{Do: "follow", Name: name, Outcome: ledger.Strange, Text: err.Error()})
		}
		_ = sub.Close()
	})
}

// next is the next event; errors of snapshots that cannot be read while Redis is away lose nothing.
func next(sub *feed.Subscription) (feed.Event, bool) {
	for {
		e, err := sub.Next(context.Background())
		if err == nil {
			return e, true
		}
		if errors.Is(err, feed.ErrClosed) {
			return e, false
		}
	}
}

// A mirror is a copy of a feed, kept up to date by what a follower is told.
type mirror struct {
	*caller
	order   []string // ids
	bodies  map[string]string
	syncing bool
	fences  []string // seen in a snapshot that is not complete
}

func (m *mirror) run(sub *feed.Subscription) {
	for {
		e, ok := next(sub)
		if !ok {
			return
		}
		m.apply(e)
	}
}

func (m *mirror) apply(e feed.Event) {
	switch e.Kind {
	case feed.Lagged:
		m.order, m.bodies, m.syncing = nil, map[string]string{}, true
		m.note(ledger.Record{Do: "lagged", Name: e.Feed, Number: int64(e.Missed)})
	case feed.Snapshot, feed.Published, feed.Edited:
		m.remove(e.ID)
		m.order = append(m.order, e.ID)
		m.bodies[e.ID] = string(e.Body)
		if e.Kind == feed.Snapshot {
			m.syncing = true
		}
		if strings.HasPrefix(string(e.Body), Fence) {
			m.fences = append(m.fences, string(e.Body))
		}
	case feed.Retracted:
		m.remove(e.ID)
	case feed.Synced:
		m.syncing = false
	}
	if m.syncing {
		return
	}
	for _, f := range m.fences {
		r := ledger.Record{Do: "copy", Name: e.Feed, Tokens: []string{f}, IDs: slices.Clone(m.order)}
		for _, id := range m.order {
			r.Bodies = append(r.Bodies, m.bodies[id])
		}
		m.note(r)
		m.process.fences.see(f)
	}
	m.fences = nil
}

func (m *mirror) remove(id string) {
	if _, ok := m.bodies[id]; !ok {
		return
	}
	delete(m.bodies, id)
	i := slices.Index(m.order, id)
	m.order = slices.Delete(m.order, i, i+1)
}

// told is an event of a feed in which things are only published: what it is, and if it is anything else, that.
func told(e feed.Event) string {
	if e.Kind == feed.Published {
		return string(e.Body)
	}
	return e.Kind.String() + " " + string(e.Body)
}

// Gap is what stands in the place of what a follower was told that it has missed; the number follows.
const Gap = "gap "

// read reads events, sometimes slowly, and writes down what it saw: bodies, and gaps.
func (c *caller) read(sub *feed.Subscription) {
	var seen []string
	flush := func() {
		if len(seen) > 0 {
			c.note(ledger.Record{Do: "saw", Name: News, Bodies: seen})
			seen = nil
		}
	}
	defer flush()
	for {
		e, ok := next(sub)
		if !ok {
			return
		}
		switch {
		case e.Kind == feed.Retracted: // evicted
			continue
		case e.Kind == feed.Lagged:
			seen = append(seen, Gap+strconv.FormatUint(e.Missed, 10))
		default:
			seen = append(seen, told(e))
		}
		fence := strings.HasPrefix(string(e.Body), Fence)
		if len(seen) >= 20 || fence {
			flush()
		}
		if fence {
			c.fences.see(string(e.Body))
		}
		if c.chance(60) && !fence {
			select { // slow: its mailbox gets full
			case <-time.After(time.Duration(c.rnd.IntN(300)) * time.Millisecond):
			case <-c.produce.Done():
			}
		}
	}
}

// fences are items that all followers of a process are waited for to see.
type fences struct {
	settled sync.WaitGroup // followers that follow, or do not

	mu        sync.Mutex
	followers int
	seen      map[string]int
	more      chan struct{} // closed when something was seen
}

func (f *fences) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followers++
}

func (f *fences) see(fence string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = map[string]int{}
	}
	f.seen[fence]++
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// wait waits until each follower has seen the fence, for a while.
func (f *fences) wait(fence string) {
	timeout := time.After(15 * time.Second)
	for {
		f.mu.Lock()
		enough := f.seen[fence] >= f.followers
		if f.more == nil {
			f.more = make(chan struct{})
		}
		more := f.more
		f.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-more:
		case <-timeout:
			return
		}
	}
}
