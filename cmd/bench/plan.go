package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// A step is one run that is to be made.
type step struct {
	opts     *options
	scenario *Scenario
	where    Result // scenario, system, round, and what it belongs to
}

// comparisons are the systems that -vs knows.
var comparisons = []string{report.Ceiling, report.Radix, asynq.name, asynq8.name, bullmq.name}

// wants is whether a system is to be run: with -vs Thoonk and what it is compared with, by default all but the peers.
func (o *options) wants(system string, systems *regexp.Regexp) bool {
	switch {
	case o.set.Changed("vs"):
		return system == report.Thoonk || slices.Contains(o.vs, system)
	case o.set.Changed("system"):
		return systems.MatchString(system)
	}
	return !isPeer(system)
}

var errNothing = errors.New("nothing to run")

// makePlan selects what to run.
func (o *options) makePlan() (problems []error) {
	names, err := regexp.Compile(o.run)
	if err != nil {
		return []error{fmt.Errorf("-run: %w", err)}
	}
	systems, err := regexp.Compile(o.system)
	if err != nil {
		return []error{fmt.Errorf("-system: %w", err)}
	}
	for _, s := range scenarios() {
		if !names.MatchString(s.Name) || s.OnDemand && !o.list && !o.set.Changed("run") {
			continue
		}
		s = s.only(func(system string) bool { return o.wants(system, systems) })
		if o.rate > 0 {
			delete(s.Systems, report.Ceiling) // it has no callers and knows no rate
		}
		if len(s.Systems) > 0 && (o.rate == 0 || !s.NoRate) {
			o.plan = append(o.plan, s)
		}
	}
	if len(o.plan) == 0 {
		return []error{fmt.Errorf("%w: no scenario matches -run %q and -system %q; -list shows them", errNothing, o.run, o.system)}
	}
	return nil
}

// steps are all runs in their order. Rounds are interleaved: of one scenario all systems, then all systems again, so that
// a machine that gets slower meanwhile does so for all.
func (o *options) steps() (list []step) {
	for _, part := range o.parts {
		list = append(list, part.steps()...)
	}
	for _, line := range o.lines {
		for round := range o.repeat {
			for _, point := range line {
				list = append(list, point.round(point.plan[0], round)...)
			}
		}
	}
	for _, s := range o.plan {
		for round := range o.repeat {
			list = append(list, o.round(s, round)...)
		}
	}
	return list
}

// round is each system of a scenario once.
func (o *options) round(s *Scenario, round int) (list []step) {
	for _, system := range s.systems() {
		where := o.where
		where.Scenario, where.System = s.Name, system
		if o.repeat > 1 {
			where.Round = round + 1
		}
		list = append(list, step{o, s, where})
	}
	return list
}

// shortRun is a duration with which everything takes some 30 seconds, half of which is preparing and cleaning up, but a
// second at most.
func (o *options) shortRun() time.Duration {
	const all, longest, shortest = 15 * time.Second, time.Second, 100 * time.Millisecond
	return min(longest, max(shortest, (all/time.Duration(max(1, len(o.steps())))).Truncate(10*time.Millisecond)))
}
