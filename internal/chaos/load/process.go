package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// process is one engine and what it is used for.
type process struct {
	Config
	book *ledger.Book
	eng  *engine.Engine

	produce context.Context // ends when no more is to be begun
	calls   sync.WaitGroup  // goroutines that end with produce
	waiters sync.WaitGroup  // goroutines that end with the engine
	others  atomic.Int64    // numbers of goroutines
	fences  fences          // what followers have seen
}

// Run is the main function of a process: config is JSON. It obeys the lines of its input ("stop": begin no more calls;
// "fence X": wait until all followers have seen the item X; "clock N": the time of day is N seconds off from now on; "stats";
// "close": close the engine and return), and answers each with one. At the end of the input it ends as in a crash.
func Run(config string, in io.Reader, out io.Writer) error {
	p := &process{}
	if err := json.Unmarshal([]byte(config), &p.Config); err != nil {
		return err
	}
	var err error
	if p.book, err = ledger.Open(p.Ledger); err != nil {
		return err
	}
	commands := make(chan string)
	go read(in, commands)
	if p.eng, err = open(p.Config); err != nil {
		return err
	}
	p.book.Note(ledger.Record{Do: "opened", IDs: []string{p.eng.Instance()}})

	produce, stop := context.WithCancel(context.Background())
	defer stop()
	p.produce = produce
	p.start()
	p.calls.Go(p.heartbeat)
	for command := range commands {
		answer := command
		word, what, _ := strings.Cut(command, " ")
		switch word {
		case "stop":
			stop()
			p.calls.Wait()
			p.fences.settled.Wait()
		case "fence":
			p.fences.wait(what)
		case "clock":
			if setClock != nil {
				n, _ := strconv.ParseInt(what, 10, 64)
				setClock(n)
			}
		case "stats":
			answer = p.stats()
		case "close":
			stop()
			p.calls.Wait()
			p.close()
		}
		if _, err := fmt.Fprintln(out, answer); err != nil || command == "close" {
			return err
		}
	}
	return nil
}

// setClock shifts this process' time of day, in seconds, in a program that is built so that it can be (tag chaosclock).
var setClock func(seconds int64)

// read passes lines on, and ends the process at the end of the input: who started it is gone.
func read(in io.Reader, lines chan<- string) {
	s := bufio.NewScanner(in)
	for s.Scan() {
		lines <- s.Text()
	}
	os.Exit(3)
}

// open opens an engine, also when the faults hit that.
func open(cfg Config) (eng *engine.Engine, err error) {
	giveUp := time.After(40 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		eng, err = engine.Open(ctx, Engine(cfg.URL, cfg.Replicas))
		cancel()
		if err == nil {
			return eng, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-giveUp:
			return nil, err
		}
	}
}

func (p *process) start() {
	parts := []struct {
		part Part
		role Role
		do   func()
	}{
		{Queues, Producer, p.queueProducers}, {Queues, Producer, p.queueStreams}, {Queues, Worker, p.queueWorkers},
		{Jobs, Producer, p.jobProducers}, {Jobs, Producer, p.jobStreams}, {Jobs, Worker, p.jobWorkers},
		{Feeds, Producer, p.publishers}, {Feeds, Producer, p.feedStreams}, {Feeds, Worker, p.followers},
		{Lists, Producer, p.listWriters}, {Lists, Producer, p.boardWriters}, {Lists, Worker, p.boardFollowers},
		{Histories, p.Role, p.historians},
		{Doomed, p.Role, p.doomed},
	}
	for _, x := range parts {
		if x.role == p.Role && (len(p.Parts) == 0 || slices.Contains(p.Parts, x.part)) {
			x.do()
		}
	}
}

// heartbeat notes when this process has not come to run for a while, be it that the machine was busy or that the ledger could
// not be written: then its calls cannot come back either.
func (p *process) heartbeat() {
	const beat = 100 * time.Millisecond
	last := ledger.Now()
	for p.produce.Err() == nil {
		wait := time.NewTimer(beat)
		select {
		case <-wait.C:
		case <-p.produce.Done():
			wait.Stop()
		}
		if now := ledger.Now(); now-last > int64(3*beat/2) {
			p.book.Note(ledger.Record{Do: "stalled", Number: now - last})
		}
		last = ledger.Now()
	}
}

// close closes the engine and waits for all that used it.
func (p *process) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := p.eng.Close(ctx)
	r := ledger.Record{Do: "closed", Outcome: ledger.OK}
	if err != nil {
		r.Outcome, r.Text = ledger.Strange, err.Error()
	}
	p.waiters.Wait()
	p.book.Note(r)
}

// A caller is a goroutine that makes calls, with choices of its own.
type caller struct {
	*process
	who int
	rnd *rand.Rand
	n   int
}

// callers starts n goroutines that repeat something until the process is to stop; begin says what, after it has opened
// what it needs, or nil if the process is to stop before.
func (p *process) callers(n int, begin func(c *caller) (again func())) {
	for range n {
		c := p.caller()
		p.calls.Go(func() {
			again := begin(c)
			for again != nil && c.pause() {
				again()
			}
		})
	}
}

func (p *process) caller() *caller {
	who := int(p.others.Add(1))
	return &caller{process: p, who: who, rnd: rand.New(rand.NewPCG(p.Seed, uint64(who)))}
}

// pause is the time between two calls; false: there is to be no other.
func (c *caller) pause() bool {
	select {
	case <-time.After(time.Duration(c.rnd.Int64N(2*int64(c.Pace) + 1))):
		return c.produce.Err() == nil
	case <-c.produce.Done():
		return false
	}
}

// body is an item that nobody else writes: process.goroutine.number.
func (c *caller) body() string {
	c.n++
	return fmt.Sprintf("%s.%d.%d", c.Process, c.who, c.n)
}

// chance is true one time in n.
func (c *caller) chance(n int) bool { return c.rnd.IntN(n) == 0 }

// patient is a context for a call that can wait; once in a while for one that cannot.
func (c *caller) patient() (context.Context, context.CancelFunc) {
	d := 15 * time.Second
	if c.chance(12) {
		d = time.Duration(c.rnd.IntN(5000)) * time.Microsecond
	}
	return context.WithTimeout(context.Background(), d)
}

// call makes a call, between two lines in the ledger. do may fill in what came back.
func (c *caller) call(ctx context.Context, r ledger.Record, do func(end *ledger.Record) error) error {
	r.Who = c.who
	if deadline, ok := ctx.Deadline(); ok {
		r.Until = ledger.Now() + int64(time.Until(deadline))
	}
	n := c.book.Begin(r)
	var end ledger.Record
	err := do(&end)
	end.Outcome, end.Text = outcome(err)
	c.book.End(n, end)
	return err
}

// note writes down what is no call.
func (c *caller) note(r ledger.Record) {
	r.Who = c.who
	c.book.Note(r)
}

// opening opens a name, again and again until it is there; false: the process is to stop first.
func opening[T any](c *caller, name string, open func(ctx context.Context) (T, error)) (T, bool) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		h, err := open(ctx)
		cancel()
		if err == nil {
			return h, true
		}
		if what, text := outcome(err); what == ledger.Strange {
			c.note(ledger.Record{Do: "open", Name: name, Outcome: what, Text: text})
		}
		if c.produce.Err() != nil || errors.Is(err, engine.ErrStopped) {
			return h, false
		}
	}
}
