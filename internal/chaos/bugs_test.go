//go:build linux

package chaos

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/thoonk-go/thoonk/internal/chaos/audit"
	"github.com/thoonk-go/thoonk/internal/chaos/load"
)

// A bug is a change to the engine that breaks a promise, the faults that bring it to light, and the invariant that must
// be found violated.
type bug struct {
	name  string
	edits []Edit
	parts []load.Part
	finds []string // any of these
	every int64    // operations between two faults; defaults to 100
	slow  bool     // what is right may take its time, too: two times CheckEvery and a minute
	only  []string // faults; defaults to all
	lives bool     // workers are not killed, for what they had taken may be lost
	often bool     // is in the short form of the test
}

var bugs = []bug{
	{
		name: "a lost reply is taken for success",
		edits: []Edit{{"internal/wire/outbox.go", "	if ran := r.sent && !req.ReadOnly; ran && !req.Repeatable {", "	if r.sent && !req.ReadOnly && !r.done {\n		c.Settle(nil)\n		return false\n	}\n	if ran := r.sent && !req.ReadOnly; ran && !req.Repeatable {"},
			{"internal/host/async.go", "			p.statuses, p.err = a.answer(p)\n", "			if p.statuses, p.err = a.answer(p); p.err == nil && p.statuses == nil {\n				p.statuses = make([]int64, len(p.items))\n			}\n"}},
		finds: []string{"queue: an acknowledged item is delivered", "feed: an acknowledged write is there", "job: an acknowledged job runs"},
	},
	{
		name: "a lost reply is taken for a failure", parts: []load.Part{load.Queues, load.Feeds, load.Jobs},
		edits: []Edit{{"internal/wire/errors.go", "	what := actor.ErrNotSent\n	if ran {", "	what := actor.ErrNotSent\n	if false {"},
			{"internal/wire/outbox.go", "	} else if ran {\n		req.repeat = true\n	}", "	} else if ran {\n		req.repeat = true\n		c.Settle(unavailable(true, o.cause))\n		return false\n	}"}},
		finds: []string{"queue: what was not sent is not there", "feed: what was not sent is not there", "job: what was not sent is not there", "job: a claim"},
	},
	{
		name: "no fence: anybody finishes a job", parts: []load.Part{load.Jobs}, often: true,
		edits: []Edit{{"actors/job/lua/finish.lua", "good and holders[i] == ARGV[3 * i + 2] then", "redis.call('HEXISTS', items, wanted[i]) == 1 then"}},
		finds: []string{"job: a claim that has ended is refused", "history.jobs is linearizable", "job: a finished job does not run again", "job: each is in one state"},
	},
	{
		name: "an item for a getter that has left is dropped", parts: []load.Part{load.Queues}, lives: true,
		edits: []Edit{{"actors/queue/owner.go", "	r := &returning{owner: o, items: o.ready, ids: o.popped}\n", "	o.ready, o.popped = nil, nil\n	if true {\n		return\n	}\n	r := &returning{owner: o, items: o.ready, ids: o.popped}\n"}},
		finds: []string{"queue: an acknowledged item is delivered"},
	},
	{
		name: "one item too many is evicted", parts: []load.Part{load.Feeds}, often: true,
		edits: []Edit{{"actors/feed/lua/publish.lua", "local excess = bound and length + added - bound or 0", "local excess = bound and length + added - bound + 1 or 0"}},
		finds: []string{"ring: it has as many items as its bound"},
	},
	{
		name: "the newest item is evicted", parts: []load.Part{load.Feeds},
		edits: []Edit{{"actors/feed/lua/publish.lua", "redis.call('ZRANGE', ids, 0, n - 1)", "redis.call('ZREVRANGE', ids, 0, n - 1)"}},
		finds: []string{"ring: the oldest are evicted", "ring: the newest are there"},
	},
	{
		name: "leases end before their time", parts: []load.Part{load.Jobs}, every: 3000, // nobody ends leases during an outage
		edits: []Edit{{"actors/job/lua/maintain.lua", "if now - since > lease then", "if now - since >= 0 then"}},
		finds: []string{"job: a claim is its owner's until its lease passes"},
	},
	{
		name: "a subscriber is not told of what it missed", parts: []load.Part{load.Feeds}, often: true,
		edits: []Edit{{"pubsubhub/mailbox.go", "	if dropped > 0 {", "	if false {"}},
		finds: []string{"follower: what it missed is told"},
	},
	{
		name: "a subscriber is not told that it was cut off", parts: []load.Part{load.Feeds},
		edits: []Edit{{"pubsubhub/mailbox.go", "	if m.err == nil {\n		m.gap().Kind = KindReconnected\n	}", "	if false {\n		m.gap().Kind = KindReconnected\n	}"}},
		finds: []string{"follower: what it missed is told", "follower: its copy is the feed"},
	},
	{
		name: "a put that may have run is put again", parts: []load.Part{load.Queues},
		edits: []Edit{{"actors/queue/lua/put.lua", "fresh = number > last or not hasRun(ran, number)", "fresh = true"}},
		finds: []string{"queue: an item is delivered once"},
	},
	{
		name: "a take that may have run is another take", parts: []load.Part{load.Queues}, lives: true,
		edits: []Edit{{"actors/queue/lua/take.lua", "if stored == number then", "if false then"}},
		finds: []string{"queue: an acknowledged item is delivered"},
	},
	{
		name: "items are taken from the wrong end", parts: []load.Part{load.Histories},
		edits: []Edit{{"actors/queue/lua/take.lua", "redis.call('RPOP', ids, n)", "redis.call('LPOP', ids, n)"}},
		finds: []string{"history.queue is linearizable"},
	},
	{
		name: "lost ids do not come back", parts: []load.Part{load.Queues}, slow: true,
		edits: []Edit{{"actors/queue/recover.go", "	held, err := q.lease(ctx, leaseTime)\n", "	if true {\n		return 0, nil\n	}\n	held, err := q.lease(ctx, leaseTime)\n"}},
		finds: []string{"all ends"},
	},
	{
		name: "connections that were given up are not ended", parts: []load.Part{load.Feeds}, only: []string{deliveredLate},
		edits: []Edit{{"internal/wire/fence.go", "if last := f.ids[run]; last != 0 {", "if last := f.ids[run]; false {"}},
		finds: []string{"feed: an acknowledged write is there", "feed: one goroutine's writes are in its order", "follower: "},
	},
	{
		name: "what an Async sent is sent again behind what came later", parts: []load.Part{load.Feeds}, only: []string{"silence", "half open", "refused"},
		edits: []Edit{{"internal/wire/outbox.go", "	all = append(all, o.queue...)\n", "	all = append(slices.Clone(o.queue), all...)\n"}},
		finds: []string{"follower: one goroutine's items are told in its order", "follower: what it missed is told"},
	},
	{
		name: "an Async is flushed before all is answered", parts: []load.Part{load.Queues}, often: true,
		edits: []Edit{{"internal/host/async.go", "for until := a.added; a.answered < until; {", "for until := a.added - min(a.added, 1); a.answered < until; {"}},
		finds: []string{"stream: a flush waits for all before it"},
	},
	{
		name: "an Async tells of success where nothing was sent", parts: []load.Part{load.Queues},
		edits: []Edit{{"internal/host/async.go", "it, one := p.items[p.told], p.err\n", "it, one := p.items[p.told], error(nil)\n		if p.err != nil {\n			it.done(it.id, nil)\n			p.told++\n			continue\n		}\n"}},
		finds: []string{"queue: an acknowledged item is delivered"},
	},
}

// TestBugs seeds bugs into the engine, one at a time, and holds the audits to finding each.
func TestBugs(t *testing.T) {
	for i, b := range bugs {
		if !b.often && !*all {
			continue
		}
		t.Run(strings.ReplaceAll(b.name, " ", "_"), func(t *testing.T) {
			began := time.Now()
			binary := Build(t, false, b.edits...)
			built := time.Since(began).Round(100 * time.Millisecond)
			without := []string{serverClock, processClock} // which would excuse what bugs do
			if b.lives {
				without = append(without, workerKilled)
			}
			patience := 20 * time.Second
			if b.slow {
				patience = 100 * time.Second
			}
			const tries = 8
			for try := range tries {
				v := Do(t, Options{
					System: Standalone(t, 4), Binary: binary, Seed: *seed + uint64(100*i+try), For: 6 * time.Second, Every: cmp.Or(b.every, 100),
					Pace: 4 * time.Millisecond, Producers: 2, Workers: 3, Parts: b.parts, Without: without, Only: b.only, Patience: patience,
				})
				for _, f := range b.finds {
					if v.Violated(f) {
						t.Logf("found in run %d after %v (%v to build): %.300s", try+1, time.Since(began).Round(time.Second), built, example(v, f))
						return
					}
				}
				t.Logf("run %d did not find it: %d operations, %d faults, %.2000q", try+1, audit.Total(v.Operations), audit.Total(v.Faults), v.Violations)
			}
			assert.Fail(t, "the bug was not found", fmt.Sprint(b.finds))
		})
	}
}

// example is a violation of that invariant.
func example(v *audit.Verdict, invariant string) string {
	for _, s := range v.Violations {
		if strings.HasPrefix(s, invariant) {
			return s
		}
	}
	return ""
}
