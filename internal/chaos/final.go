//go:build linux

package chaos

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/chaos/audit"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
	"github.com/thoonk-go/thoonk/internal/chaos/load"
	"github.com/thoonk-go/thoonk/internal/contract"
)

// fence publishes a last item to the feeds that are followed, and waits for the followers.
func (r *Run) fence(ctx context.Context) {
	for _, name := range []string{load.Feed, load.News} {
		f, err := r.control.Feed(ctx, name, feed.Config{})
		require.NoError(r.t, err)
		require.NoError(r.t, f.PublishAs(ctx, lastFence, []byte(lastFence)))
	}
	board, err := r.control.Sorted(ctx, load.Board, sorted.Config{})
	require.NoError(r.t, err)
	_, err = board.Append(ctx, []byte(lastFence))
	require.NoError(r.t, err)
	r.all("fence "+lastFence, 30*time.Second)
}

const lastFence = load.Fence + "last"

// audit holds the ledgers against what is there.
func (r *Run) audit(h *ledger.History, lives map[string]audit.Life) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	v := r.verdict
	audit.Calls(v, h, lives)
	audit.Streams(v, h)
	audit.Queue(v, h, load.Queue, lives, r.left(ctx, load.Queue), r.taken(ctx, h, lives))
	reply, err := r.System.Do(ctx, "GET", contract.Finishes.Of(r.wire(load.Set)))
	require.NoError(r.t, err)
	finishes, _ := strconv.ParseInt(text(reply), 10, 64)
	jumped := v.Faults[serverClock] > 0
	audit.Jobs(v, h, load.Set, r.left(ctx, load.Set), finishes, load.JobConfig.Timeout, jumped)

	items := r.feedItems(ctx, load.Feed)
	audit.Feed(v, h, load.Feed, items)
	audit.Copies(v, h, load.Feed, lastFence, r.followers(h, load.Feed), items)
	audit.Ring(v, h, load.Ring, load.Bound, r.feedItems(ctx, load.Ring))
	audit.Readers(v, h, load.News, r.excuse(), v.Faults[slotsMigrated] > 0)
	lists := r.lists(ctx)
	audit.Lists(v, h, load.List, lists, r.gone)
	audit.Board(v, h, load.Board, lists[load.Board])
	audit.Copies(v, h, load.Board, lastFence, r.followers(h, load.Board), lists[load.Board])

	r.drain(ctx, h)
	audit.Histories(v, h, load.QueueHistory, audit.QueueModel, audit.QueueOperations)
	lease := load.ClaimLease
	if jumped {
		lease = 0 // it may have passed at any moment
	}
	audit.Histories(v, h, load.JobHistory, audit.JobModel(lease), audit.JobOperations)
	// Reads do not wait for replicas: one may see what a fail-over then takes back, or ask a primary that does not know yet that
	// it has been replaced. Redis promises no more, so their histories are for a single server.
	if r.System.Replicas() == 0 {
		audit.Histories(v, h, load.FeedHistory, audit.FeedModel, audit.FeedOperations)
	}
	r.leftovers(ctx)
}

// excuse is why followers may be told of something again.
func (r *Run) excuse() audit.Excuse {
	switch {
	case r.System.Replicas() == 0:
		return audit.None
	case r.verdict.Faults[primaryStopped]+r.verdict.Faults[minorityStopped] == 0:
		return audit.Replaced
	}
	return audit.Continued
}

func (r *Run) feedItems(ctx context.Context, name string) (items []audit.Item) {
	f, err := r.control.Feed(ctx, name, feed.Config{})
	require.NoError(r.t, err)
	for it, err := range f.All(ctx) {
		require.NoError(r.t, err)
		items = append(items, audit.Item{ID: it.ID, Body: string(it.Body)})
	}
	return items
}

// followers are the processes that live to the end and follow that name.
func (r *Run) followers(h *ledger.History, name string) (names []string) {
	for _, n := range h.Notes {
		if n.Do == "follows" && n.Name == name && slices.ContainsFunc(r.slots, func(s *slot) bool { return s.current().cfg.Process == n.Process }) {
			names = append(names, n.Process)
		}
	}
	return names
}

// names are all names that begin so.
func (r *Run) names(ctx context.Context, prefix string) (names []string) {
	for name, err := range r.control.Names(ctx) {
		require.NoError(r.t, err)
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

func (r *Run) lists(ctx context.Context) map[string][]audit.Item {
	lists := map[string][]audit.Item{}
	for _, name := range append(r.names(ctx, load.List+"."), load.Board) {
		l, err := r.control.Sorted(ctx, name, sorted.Config{})
		require.NoError(r.t, err)
		for it, err := range l.All(ctx) {
			require.NoError(r.t, err)
			lists[name] = append(lists[name], audit.Item{ID: it.ID, Body: string(it.Body)})
		}
	}
	return lists
}

// drain takes what the queues of histories still have: the end of each history.
func (r *Run) drain(ctx context.Context, h *ledger.History) {
	for _, name := range r.names(ctx, load.QueueHistory) {
		q, err := r.control.Queue(ctx, name, queue.Config{})
		require.NoError(r.t, err)
		for err == nil {
			c := &ledger.Call{Process: "the end", Record: ledger.Record{At: ledger.Now(), Call: int64(len(h.Calls)), Do: "get", Name: name, Outcome: ledger.OK}}
			var it queue.Item
			switch it, err = q.TryGet(ctx); {
			case err == nil:
				c.Bodies = []string{string(it.Body)}
			case errors.Is(err, queue.ErrEmpty):
				c.Outcome = "empty"
			default:
				require.NoError(r.t, err)
			}
			c.End = ledger.Now()
			h.Calls = append(h.Calls, c)
		}
	}
}

// leftovers deletes all names and closes the last engine: what is left of the engines' own keys ends by itself.
func (r *Run) leftovers(ctx context.Context) {
	for _, name := range append(r.names(ctx, ""), r.unlisted(ctx)...) {
		err := r.control.Delete(ctx, name)
		r.verdict.Check(err == nil, "names can be deleted", "%s: %v", name, err)
	}
	r.closeControl()
	reply, err := r.System.Do(ctx, "KEYS", "*")
	require.NoError(r.t, err)
	for _, key := range texts(reply) {
		ttl, err := r.number(ctx, "PTTL", key)
		require.NoError(r.t, err)
		r.verdict.Check(ttl != -1, "what is left of the engines' keys ends by itself", "%s", key)
		r.verdict.Check(ttl <= int64(time.Hour/time.Millisecond), "what is left of the engines' keys ends within an hour", "%s: %d ms", key, ttl)
	}
	r.verdict.Remark("keys left until they expire", len(texts(reply)))
}

// unlisted are the names of a cluster whose creators were killed before the second step (contract 8): they work, and whoever
// deletes them again deletes all of them.
func (r *Run) unlisted(ctx context.Context) (names []string) {
	if r.System.Naming() == contract.Plain {
		return nil
	}
	listed := r.names(ctx, "")
	reply, err := r.System.Do(ctx, "KEYS", string(contract.Config)+"*")
	require.NoError(r.t, err)
	for _, key := range texts(reply) {
		name, ok := r.System.Naming().Name(strings.TrimPrefix(key, string(contract.Config)))
		if ok && !slices.Contains(listed, name) {
			names = append(names, name)
		}
	}
	r.verdict.Check(len(names) == 0 || r.verdict.Faults[workerKilled]+r.verdict.Faults[producerKilled] > 0, "names are listed", "not so: %q", names)
	r.verdict.Remark("names not listed, creator killed", len(names))
	return names
}

// left are the items of a name that has not run empty.
func (r *Run) left(ctx context.Context, name string) map[string]bool {
	reply, err := r.System.Do(ctx, "HVALS", contract.Items.Of(r.wire(name)))
	require.NoError(r.t, err)
	bodies := map[string]bool{}
	for _, body := range texts(reply) {
		bodies[body] = true
	}
	return bodies
}

// taken is what Redis still knows of the last takes of engines whose processes were killed (contract 7).
func (r *Run) taken(ctx context.Context, h *ledger.History, lives map[string]audit.Life) map[string]bool {
	bodies := map[string]bool{}
	for _, n := range h.Notes {
		if n.Do != "opened" || !lives[n.Process].Killed {
			continue
		}
		for _, k := range []contract.Key{contract.Taken, contract.TakenB} {
			reply, err := r.System.Do(ctx, "LRANGE", k.Of(r.wire(load.Queue))+":"+n.IDs[0], "0", "-1")
			require.NoError(r.t, err)
			words := texts(reply)
			for i := 3; i < len(words); i += 2 { // number, whether it is all, then ids and items
				bodies[words[i]] = true
			}
		}
	}
	return bodies
}

func texts(reply any) (out []string) {
	list, _ := reply.([]any)
	for _, x := range list {
		out = append(out, text(x))
	}
	return out
}

func text(reply any) string {
	switch x := reply.(type) {
	case []byte:
		return string(x)
	case string:
		return x
	}
	return ""
}
