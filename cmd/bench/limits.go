package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// Limits of flags. With more, which is a slip of the keyboard, the load tester would hang, or take all memory.
const (
	mostCounted = 100_000 // callers, subscribers, queues, …
	mostStored  = 10_000_000
	mostRounds  = 1000
	longestRun  = 24 * time.Hour
	longestTrip = 10 * time.Second
	lowestRate  = 0.01 // pauses are 1/-rate
	highestRate = 1e6
)

// most is the limit of an int flag.
func most(flag string) int {
	switch flag {
	case "size":
		return contract.DefaultMaxItem
	case "stored":
		return mostStored
	case "repeat":
		return mostRounds
	}
	return mostCounted
}

// checkNumbers finds those that are too small or too large.
func (o *options) checkNumbers() (problems []error) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if o.d < 0 || o.set.Changed("duration") && o.d == 0 {
		bad("-d is %v, it must be above 0", o.d)
	}
	if o.d > longestRun {
		bad("-d is %v, it must be at most %v", o.d, longestRun)
	}
	o.set.VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() != "int" || !f.Changed {
			return
		}
		switch n, _ := o.set.GetInt(f.Name); {
		case n < 1:
			bad("-%s is %d, it must be at least 1", f.Name, n)
		case n > most(f.Name):
			bad("-%s is %d, it must be at most %d", f.Name, n, most(f.Name))
		}
	})
	if o.rate != 0 && !(o.rate >= lowestRate && o.rate <= highestRate) { // NaN compares with nothing
		bad("-rate is %v, it must be from %v to %.0f, or 0", o.rate, lowestRate, highestRate)
	}
	if o.rtt < 0 {
		bad("-rtt is %v, it must be above 0", o.rtt)
	}
	if o.rtt > longestTrip {
		bad("-rtt is %v, it must be at most %v", o.rtt, longestTrip)
	}
	return problems
}
