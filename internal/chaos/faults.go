//go:build linux

package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/internal/chaos/load"
)

// Faults that some audits have to know of.
const (
	workerKilled   = "worker killed"
	producerKilled = "producer killed"
	deliveredLate  = "delivered late"
	processClock   = "process' clock jumps"
	serverClock    = "server's clock jumps"

	primaryStopped  = "primary stopped"
	minorityStopped = "minority stopped"
	minorityCutOff  = "minority cut off"
	slotsMigrated   = "slots migrated"
)

// processFaults strike one of the processes under test.
func (r *Run) processFaults() []Kind {
	lasting := func(begin, end func(*slot)) func(context.Context, Fault) error {
		return func(ctx context.Context, f Fault) error {
			s := r.slots[f.On%len(r.slots)]
			begin(s)
			wait(ctx, f.For)
			end(s)
			return nil
		}
	}
	kill := lasting(func(s *slot) { s.current().kill() }, func(s *slot) {
		if r.Tidy {
			r.tidyUp(r.t.Context(), s)
		}
		r.startProcess(s)
	})
	stop := lasting(func(s *slot) { s.current().stop() }, func(s *slot) { s.current().cont() })
	of := func(role load.Role, strike func(context.Context, Fault) error) func(context.Context, Fault) error {
		return func(ctx context.Context, f Fault) error {
			f.On = r.pick(role, f.On, false)
			return strike(ctx, f)
		}
	}
	deadly := func(role load.Role) func(context.Context, Fault) error {
		return func(ctx context.Context, f Fault) error {
			f.On = r.pick(role, f.On, r.Spared)
			return kill(ctx, f)
		}
	}
	return []Kind{
		{Name: workerKilled, Weight: 4, Longest: 300 * time.Millisecond, Strike: deadly(load.Worker)},
		{Name: "worker stopped", Weight: 2, Longest: 3 * time.Second, Strike: of(load.Worker, stop)},
		{Name: producerKilled, Weight: 3, Longest: 300 * time.Millisecond, Strike: deadly(load.Producer)},
		{Name: processClock, Weight: 3, Strike: func(_ context.Context, f Fault) error {
			s := r.slots[f.On%len(r.slots)].current()
			shift := []int{-86400, -60, -3, 0, 3, 60, 86400}[f.On/16%7]
			_, err := s.tell(fmt.Sprintf("clock %d", shift), 10*time.Second)
			return err
		}},
		{Name: "producer stopped", Weight: 1, Longest: 2 * time.Second, Strike: of(load.Producer, stop)},
	}
}

// pick is the index of a process of that role, perhaps not the first.
func (r *Run) pick(role load.Role, on int, spare bool) int {
	var of []int
	for i, s := range r.slots {
		if s.role == role {
			of = append(of, i)
		}
	}
	if spare {
		of = of[1:]
	}
	return of[on%len(of)]
}

// wayFaults strike one of the proxies.
func (r *Run) wayFaults() []Kind {
	ways := r.System.Proxies()
	if len(ways) == 0 {
		return nil
	}
	once := func(do func(i int, f Fault)) func(context.Context, Fault) error {
		return func(_ context.Context, f Fault) error {
			do(f.On%len(ways), f)
			return nil
		}
	}
	lasting := func(begin, end func(i int)) func(context.Context, Fault) error {
		return func(ctx context.Context, f Fault) error {
			begin(f.On % len(ways))
			wait(ctx, f.For)
			end(f.On % len(ways))
			return nil
		}
	}
	return []Kind{
		{Name: "cut", Weight: 3, Strike: once(func(i int, _ Fault) { ways[i].Cut() })},
		{Name: "reply swallowed", Weight: 5, Strike: once(func(i int, f Fault) { ways[i].SwallowReplies(1 + f.On/8%4) })},
		{Name: "reply truncated", Weight: 4, Strike: once(func(i int, f Fault) { ways[i].CutAfterBytes(1 + int64(f.On)%3000) })},
		{Name: "half open", Weight: 2, Strike: once(func(i int, _ Fault) { ways[i].Abandon() })},
		{Name: "delay", Weight: 2, Longest: 2 * time.Second, Strike: func(ctx context.Context, f Fault) error {
			return lasting(func(i int) { ways[i].Delay(time.Duration(1+f.On%200) * time.Millisecond) }, func(i int) { ways[i].Delay(way(i)) })(ctx, f)
		}},
		{Name: "silence", Weight: 2, Longest: 2500 * time.Millisecond, Strike: lasting(
			func(i int) { ways[i].Hold() }, func(i int) { ways[i].Release() })},
		{Name: deliveredLate, Weight: 4, Longest: 3 * time.Second, Strike: func(ctx context.Context, f Fault) error {
			release := ways[f.On%len(ways)].Stall()
			wait(ctx, f.For)
			release()
			return nil
		}},
		{Name: "refused", Weight: 2, Longest: time.Second, Strike: lasting(
			func(i int) { ways[i].Refuse(true); ways[i].Cut() }, func(i int) { ways[i].Refuse(false) })},
		{Name: "loading", Weight: 2, Longest: time.Second, Strike: lasting(
			func(i int) { ways[i].Answer("LOADING Redis is loading the dataset in memory") }, func(i int) { ways[i].Answer("") })},
	}
}

// nameFaults delete names that are in use.
func (r *Run) nameFaults() []Kind {
	names := []string{load.DoomedQueue, load.DoomedFeed, load.DoomedSet}
	return []Kind{{Name: "name deleted", Weight: 3, Strike: func(_ context.Context, f Fault) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := r.control.Delete(ctx, names[f.On%len(names)])
		r.checkAnswer("delete", err)
		return nil
	}}}
}

// faults lets things go wrong, one after the other and some at the same time, until ctx ends, and waits until all is right
// again.
func (r *Run) faults(ctx context.Context) {
	groups := []struct {
		on    string
		kinds []Kind
	}{{"process", r.processFaults()}, {"way", r.wayFaults()}, {"server", r.System.Faults()}, {"name", r.nameFaults()}}
	var kinds []Kind
	var of []string
	for _, g := range groups {
		for _, k := range g.kinds {
			if slices.Contains(r.Without, k.Name) || len(r.Only) > 0 && !slices.Contains(r.Only, k.Name) {
				continue
			}
			kinds, of = append(kinds, k), append(of, g.on)
		}
	}
	// One at a time strikes each group; as many at once as there are groups.
	turns := map[string]chan struct{}{}
	for _, g := range groups {
		turns[g.on] = make(chan struct{}, 1)
	}
	s := newSchedule(r.Seed, kinds, r.Every)
	began := time.Now()
	for ctx.Err() == nil {
		f := s.next()
		if !r.awaitOperations(ctx, f.After) {
			break
		}
		turn := turns[of[f.Kind]]
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		k := kinds[f.Kind]
		r.verdict.Fault(k.Name)
		r.striking.Go(func() {
			defer func() { <-turn }()
			struck := time.Since(began)
			err := k.Strike(ctx, f)
			r.t.Logf("%6.3f s to %6.3f s: %s, %d", struck.Seconds(), time.Since(began).Seconds(), k.Name, f.On)
			if err != nil && ctx.Err() == nil {
				r.t.Errorf("%s: %v", k.Name, err)
			}
		})
	}
	r.striking.Wait()
}

// awaitOperations waits until so many more are done, or a while when little gets done.
func (r *Run) awaitOperations(ctx context.Context, n int64) bool {
	const longest = 1500 * time.Millisecond
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	until := time.Now().Add(longest)
	for target := r.operations() + n; r.operations() < target && time.Now().Before(until); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// heal ends what faults may have left.
func (r *Run) heal(ctx context.Context) error {
	for i, p := range r.System.Proxies() {
		p.Refuse(false)
		p.Answer("")
		p.Delay(way(i))
		p.Release()
		p.Cut() // the ends of the half open ones come at last
	}
	for _, s := range r.slots {
		s.current().cont()
	}
	if err := r.System.Heal(ctx); err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	return nil
}
