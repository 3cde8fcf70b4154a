package load

import (
	"fmt"
	"time"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// Short-lived names are used by all processes at the same time, a few calls each: a checker goes through all orders in
// which these may have taken effect, so there must not be too many.
const (
	historyTime  = 600 * time.Millisecond
	historyCalls = 4 // of a goroutine, on each name
)

// A historian makes calls on the names of the present slot.
type historian struct {
	*caller
	slot  int64
	left  int
	queue *queue.Queue
	jobs  *job.Jobs
	feed  *feed.Feed
}

func (p *process) historians() {
	p.callers(2, func(c *caller) func() {
		h := &historian{caller: c}
		return h.act
	})
}

func (h *historian) act() {
	if now := slot(historyTime); now != h.slot && !h.open(now) {
		return
	}
	if h.left == 0 {
		return
	}
	h.left--
	h.actQueue()
	h.actJobs()
	h.actFeed()
}

func (h *historian) open(now int64) (ok bool) {
	name := func(prefix string) string { return fmt.Sprintf("%s.%d", prefix, now) }
	if h.queue, ok = h.caller.queue(name(QueueHistory)); !ok {
		return false
	}
	if h.jobs, ok = h.caller.jobs(name(JobHistory), job.Config{Timeout: ClaimLease}); !ok {
		return false
	}
	if h.feed, ok = h.caller.feed(name(FeedHistory), feed.Config{}); !ok {
		return false
	}
	h.slot, h.left = now, historyCalls
	return true
}

func (h *historian) actQueue() {
	ctx, cancel := h.patient()
	defer cancel()
	if h.chance(2) {
		body := h.body()
		_ = h.call(ctx, ledger.Record{Do: "put", Name: h.queue.Name(), Bodies: []string{body}}, func(*ledger.Record) error {
			_, err := h.queue.Put(ctx, []byte(body))
			return err
		})
		return
	}
	_ = h.call(ctx, ledger.Record{Do: "get", Name: h.queue.Name(), Number: 1}, func(end *ledger.Record) error {
		it, err := h.queue.TryGet(ctx)
		if err == nil {
			end.Bodies = []string{string(it.Body)}
		}
		return err
	})
}

// actJobs puts a job or claims one. A claim is finished at once, or after a while, when its lease may have passed.
func (h *historian) actJobs() {
	ctx, cancel := h.patient()
	defer cancel()
	if h.chance(2) {
		id := h.body()
		_ = h.call(ctx, ledger.Record{Do: "put job", Name: h.jobs.Name(), IDs: []string{id}}, func(*ledger.Record) error {
			_, err := h.jobs.Put(ctx, nil, job.PutOptions{ID: id})
			return err
		})
		return
	}
	var claim *job.Claim
	token := fmt.Sprintf("%s#%d", h.Process, h.others.Add(1))
	err := h.call(ctx, ledger.Record{Do: "claim", Name: h.jobs.Name(), Tokens: []string{token}}, func(end *ledger.Record) (err error) {
		if claim, err = h.jobs.TryGet(ctx); err == nil {
			end.IDs = []string{claim.ID}
		}
		return err
	})
	if err != nil {
		return
	}
	if h.chance(4) {
		late := h.process.caller()
		h.calls.Go(func() {
			select {
			case <-time.After(time.Duration(late.rnd.Int64N(int64(2 * ClaimLease)))):
				_ = late.finish(claim, token)
			case <-h.produce.Done(): // never
			}
		})
		return
	}
	_ = h.finish(claim, token)
}

func (h *historian) actFeed() {
	ctx, cancel := h.patient()
	defer cancel()
	const id = "it" // everybody's
	switch h.rnd.IntN(4) {
	case 0, 1:
		_, _ = h.publish(h.feed, id)
	case 2:
		_ = h.call(ctx, ledger.Record{Do: "retract", Name: h.feed.Name(), IDs: []string{id}}, func(*ledger.Record) error {
			return h.feed.Retract(ctx, id)
		})
	default:
		_ = h.call(ctx, ledger.Record{Do: "read", Name: h.feed.Name(), IDs: []string{id}}, func(end *ledger.Record) error {
			body, err := h.feed.Get(ctx, id)
			if err == nil {
				end.Bodies = []string{string(body)}
			}
			return err
		})
	}
}
