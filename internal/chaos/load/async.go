package load

import (
	"context"
	"time"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// A stream is the asynchronous form of a call, which nobody waits for: each item is a call in the ledger that ends when its
// callback is called. The audits see a goroutine whose calls are under way at the same time, and are done in its order.
type stream struct {
	*caller
	do, name string
	// send has an item accepted, and done called with what became of it.
	send  func(ctx context.Context, body string, done func(id string, err error)) (id string, err error)
	flush func(ctx context.Context) error
}

// pending is how many items of a stream are accepted before one waits: several of the parts in which they travel, so that where
// Redis is away some wait behind others, and when it is back some are repeated.
const pending = 300

// streamers start a goroutine that sends bursts, until the process is to stop; begin says of what.
func (p *process) streamers(begin func(c *caller) *stream) {
	c := p.caller()
	p.calls.Go(func() {
		s := begin(c)
		if s == nil {
			return
		}
		s.caller = c
		for c.pause() {
			s.burst()
		}
		s.settle()
	})
}

// burst sends some items, and settles only now and then: bursts follow one another while nothing comes back.
func (s *stream) burst() {
	ctx, cancel := s.patient()
	defer cancel()
	for range 1 + s.rnd.IntN(8)*s.rnd.IntN(2) {
		body := s.body()
		n := s.book.Begin(ledger.Record{Who: s.who, Do: s.do, Name: s.name, Bodies: []string{body}})
		id, err := s.send(ctx, body, func(id string, err error) { s.end(n, id, err) })
		if err != nil { // which its callback will not say
			s.end(n, id, err)
		}
	}
	if s.chance(10) {
		s.settle()
	}
}

func (s *stream) end(call int64, id string, err error) {
	end := ledger.Record{}
	if err == nil {
		end.IDs = []string{id}
	}
	end.Outcome, end.Text = outcome(err)
	s.book.End(call, end)
}

// settle waits until all that was sent is answered: within the engine's patience, and what a call that was sent last takes.
func (s *stream) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = s.call(ctx, ledger.Record{Do: "flush", Name: s.name}, func(*ledger.Record) error { return s.flush(ctx) })
}

func (p *process) queueStreams() {
	p.streamers(func(c *caller) *stream {
		q, ok := c.queue(Queue)
		if !ok {
			return nil
		}
		a := q.Async(queue.AsyncOptions{Pending: pending})
		return &stream{do: "put", name: Queue, flush: a.Flush, send: func(ctx context.Context, body string, done func(string, error)) (string, error) {
			return a.Put(ctx, []byte(body), done)
		}}
	})
}

func (p *process) jobStreams() {
	p.streamers(func(c *caller) *stream {
		j, ok := c.jobs(Set, JobConfig)
		if !ok {
			return nil
		}
		a := j.Async(job.AsyncOptions{Pending: pending})
		return &stream{do: "put job", name: Set, flush: a.Flush, send: func(ctx context.Context, body string, done func(string, error)) (string, error) {
			var o job.PutOptions
			if c.chance(6) {
				o.Delay = time.Duration(c.rnd.IntN(200)) * time.Millisecond
			}
			if c.chance(3) {
				o.ID = body
			}
			return a.Put(ctx, []byte(body), done, o)
		}}
	})
}

// feedStreams publish in the feeds where the last are there in the end, in order, and where followers see all.
func (p *process) feedStreams() {
	for name, bound := range map[string]int{Ring: Bound, News: NewsBound} {
		p.streamers(func(c *caller) *stream {
			f, ok := c.feed(name, feed.Config{MaxLength: bound})
			if !ok {
				return nil
			}
			a := f.Async(feed.AsyncOptions{Pending: pending})
			return &stream{do: "publish", name: name, flush: a.Flush, send: func(ctx context.Context, body string, done func(string, error)) (string, error) {
				return a.Publish(ctx, []byte(body), done)
			}}
		})
	}
}
