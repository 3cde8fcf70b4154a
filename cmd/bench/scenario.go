package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// Result is what a run measured.
type Result = report.Result

// A Scenario is one thing to measure, on Thoonk and on what it is compared with.
type Scenario struct {
	Name string // kind/verb
	Doc  string // one line, for -list

	// Private: it kills its server, so it runs only where it may start redis-servers: with -server redis or auto.
	Private bool

	// OnDemand: it takes so long that it has to be asked for with -run.
	OnDemand bool

	// RTT is the round-trip time without -rtt.
	RTT time.Duration

	// NoRate: it knows no rate of calls, and is left out with -rate.
	NoRate bool

	// Stored: -stored items are there before. What creates its name sees to it, and the checks expect it.
	Stored bool

	// Flags declares flags that only this scenario has, with intFlag and the like. Env.Int reads them. May be nil.
	Flags func(*pflag.FlagSet)

	// Check finds values that these flags cannot have, whether or not the scenario runs; counts are checked anyway. May be nil.
	Check func(*pflag.FlagSet) error

	// Systems runs it, by the system's name: thoonk, ceiling, radix, or another reference that suits it.
	Systems map[string]System
}

// A System does one run of a scenario. It prepares, calls one of Env's Measure methods once, and checks what is in Redis
// afterwards: a wrong count is an error. Names from Env are fresh for each run and are deleted behind it.
type System func(ctx context.Context, e *Env) (Result, error)

var registered []*Scenario

// register is called by the init function of each scenario's file.
func register(s Scenario) { registered = append(registered, &s) }

// scenarios are all there are, by name.
func scenarios() []*Scenario {
	return slices.SortedFunc(slices.Values(registered), func(a, b *Scenario) int { return strings.Compare(a.Name, b.Name) })
}

// systems are the scenario's, in the order in which they run and are printed.
func (s *Scenario) systems() []string {
	list := make([]string, 0, len(s.Systems))
	for name := range s.Systems {
		list = append(list, name)
	}
	slices.SortFunc(list, report.CompareSystems)
	return list
}

// only is the scenario with those systems that are wanted.
func (s *Scenario) only(wanted func(system string) bool) *Scenario {
	c := *s
	c.Systems = make(map[string]System)
	for name, system := range s.Systems {
		if wanted(name) {
			c.Systems[name] = system
		}
	}
	return &c
}
