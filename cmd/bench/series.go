package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A series is what a figure does when one flag is varied.
type series struct {
	name      string // of the flag
	scenarios []string
	values    []int
	with      []string // flags for all points, unless they are given
}

// allSeries are those there are. What is varied is the flag of that name.
var allSeries = []series{
	{name: "callers", scenarios: []string{"feed/publish", "job/put"}, values: []int{1, 4, 16, 64, 256, 1024}},
	{name: "names", scenarios: []string{"feed/names"}, values: []int{1, 10, 100, 1000, 10_000}},
	{name: "size", scenarios: []string{"feed/publish", "queue/put", "job/put"}, values: []int{10, 100, 1000, 10_000, 100_000, 1 << 20},
		with: []string{"-callers=64"}},
	{name: "stored", scenarios: []string{"feed/get", "feed/publish", "queue/put", "job/put"}, values: []int{1000, 10_000, 100_000, 1_000_000}},
	{name: "subscribers", scenarios: []string{"feed/fanout"}, values: []int{1, 10, 100, 1000, 10_000}},
	{name: "workers", scenarios: []string{"job/drain"}, values: []int{1, 10, 100, 1000}},
}

func seriesNames() (names []string) {
	for _, s := range allSeries {
		names = append(names, s.name)
	}
	return names
}

// makeLines makes the points of the series: the command line with other values. Without -vs or -system they are of Thoonk
// alone, since what matters is the shape.
func (o *options) makeLines(args []string) (problems []error) {
	names, err := regexp.Compile(o.run)
	if err != nil {
		return []error{fmt.Errorf("-run: %w", err)}
	}
	known := append(seriesNames(), "all")
	for name := range strings.SplitSeq(o.series, ",") {
		if !slices.Contains(known, name) {
			return []error{fmt.Errorf("-series has %q: want some of %s", name, strings.Join(known, ", "))}
		}
	}
	for _, s := range allSeries {
		if o.series != "all" && !slices.Contains(strings.Split(o.series, ","), s.name) {
			continue
		}
		for _, scenario := range s.scenarios {
			if !names.MatchString(scenario) {
				continue
			}
			line, err := o.line(args, s, scenario)
			if errors.Is(err, errNothing) {
				continue // another scenario may be on the systems that are wanted
			}
			if err != nil {
				return []error{err}
			}
			o.lines = append(o.lines, line)
		}
	}
	if len(o.lines) == 0 {
		return []error{fmt.Errorf("%w: no scenario of -series %s matches -run %q and -system %q", errNothing, o.series, o.run, o.system)}
	}
	return nil
}

// listed is what -list shows.
func (o *options) listed() []*Scenario {
	list := o.plan
	for _, line := range o.lines {
		for _, s := range line[0].plan {
			if !slices.ContainsFunc(list, func(other *Scenario) bool { return other.Name == s.Name }) {
				list = append(list, s)
			}
		}
	}
	return list
}

func (o *options) line(args []string, s series, scenario string) (line []*options, err error) {
	// What the series wants stands first: who gives another value means it.
	args = append(slices.Clone(s.with), args...)
	args = append(args, "-series=", "-json=", "-run=^"+scenario+"$")
	if !o.set.Changed("vs") && !o.set.Changed("system") {
		args = append(args, "-system=^thoonk$")
	}
	if !o.set.Changed("duration") {
		args = append(args, "-duration=300ms")
	}
	for _, v := range s.values {
		point, err := readFlags(append(slices.Clone(args), "-"+s.name+"="+strconv.Itoa(v)))
		if err != nil {
			return nil, fmt.Errorf("-series %s: %w", s.name, err)
		}
		point.where.Series, point.where.At = s.name, float64(v)
		line = append(line, point)
	}
	return line, nil
}
