package report

import (
	"fmt"
	"slices"
)

// A Bar is what we want of a figure.
type Bar struct {
	scenario, part string
	versus         string  // the other system; empty for a figure of our own
	least          float64 // ratio of ops/s, or ops/s
	latency        bool    // the ratio is of median latencies, and least the most it may be
}

// Bars are all that we want.
var Bars = []Bar{
	{scenario: "feed/publish", versus: Ceiling, least: 0.85},
	{scenario: "queue/put", versus: Ceiling, least: 0.85},
	{scenario: "job/put", versus: Ceiling, least: 0.85},
	{scenario: "job/drain", versus: Ceiling, least: 0.7},
	{scenario: "feed/publish-async", versus: Ceiling, least: 0.9},
	{scenario: "queue/put-async", versus: Ceiling, least: 0.9},
	{scenario: "job/put-async", versus: Ceiling, least: 0.9},
	{scenario: "job/put", versus: "asynq", least: 2.5},
	{scenario: "job/put", versus: "bullmq", least: 4},
	{scenario: "job/drain", versus: "asynq", least: 6},
	{scenario: "job/drain", versus: "bullmq", least: 5},
	{scenario: "job/drain-rtt", versus: "asynq", least: 20},
	{scenario: "job/drain-rtt", versus: "without", least: 0.5},
	{scenario: "feed/publish", part: "one caller", versus: Radix, least: 1.2, latency: true},
	{scenario: "queue/put", part: "one caller", versus: Radix, least: 1.2, latency: true},
	{scenario: "job/put", part: "one caller", versus: Radix, least: 1.2, latency: true},
	{scenario: "feed/fanout", least: 300_000},
}

// BarTable says of each bar what was measured.
func (p *Page) BarTable() string {
	rows := [][]string{{"scenario", "what", "wanted", "measured", "more"}}
	list := Summarize(p.Results)
	for _, b := range Bars {
		measured, ok, known := b.measure(list)
		verdict := "reached"
		switch {
		case !known:
			measured, verdict = none, "not measured"
		case !ok:
			verdict = "**missed**"
		}
		scenario := b.scenario
		if b.part != "" {
			scenario += ", " + b.part
		}
		rows = append(rows, []string{scenario, b.what(), b.wanted(), measured, verdict})
	}
	rows[0][4] = ""
	return markdownTable(rows)
}

func (b Bar) what() string {
	switch {
	case b.latency:
		return "median latency, Thoonk / " + b.versus
	case b.versus == "":
		return "ops/s"
	}
	return "ops/s, Thoonk / " + b.versus
}

func (b Bar) wanted() string {
	switch {
	case b.latency:
		return fmt.Sprintf("≤ %.2f×", b.least)
	case b.versus == "":
		return "≥ " + count(b.least)
	}
	return fmt.Sprintf("≥ %.2f×", b.least)
}

// measure is the figure and whether it is good enough; known is false if it was not measured.
func (b Bar) measure(list []Summary) (measured string, ok, known bool) {
	ours := find(list, b.scenario, Thoonk, b.part)
	if ours == nil {
		return "", false, false
	}
	if b.versus == "" {
		return withRange(ours.PerS, ours.Rounds, count), ours.PerS.Median >= b.least, true
	}
	if !b.latency {
		ratio, known := ours.Ratios[b.versus]
		return withRange(ratio, ours.Rounds, times), ratio.Median >= b.least, known
	}
	theirs := find(list, b.scenario, b.versus, b.part)
	if theirs == nil || theirs.P50 == nil || ours.P50 == nil {
		return "", false, false
	}
	ratio := *ours.P50 / *theirs.P50
	return times(ratio), ratio <= b.least, true
}

func find(list []Summary, scenario, system, part string) *Summary {
	i := slices.IndexFunc(list, func(s Summary) bool {
		return s.Scenario == scenario && s.System == system && s.Part == part && s.Series == "" && s.Note == ""
	})
	if i < 0 {
		return nil
	}
	return &list[i]
}

func times(v float64) string { return fmt.Sprintf("%.2f×", v) }

// Losses has a line for each figure in which another system is better: a higher throughput, or a lower median latency
// where the throughput is given.
func (p *Page) Losses() (lines []string) {
	list := Summarize(p.Results)
	for _, ours := range list {
		if ours.System != Thoonk || ours.Series != "" || ours.Note != "" {
			continue
		}
		for _, theirs := range list {
			if theirs.Scenario != ours.Scenario || theirs.Part != ours.Part || theirs.Series != "" || theirs.Note != "" ||
				slices.Contains([]string{Thoonk, Ceiling, "without"}, theirs.System) {
				continue
			}
			what := "`" + ours.Scenario + "`"
			if ours.Part != "" {
				what += ", " + ours.Part
			}
			if ratio, ok := ours.Ratios[theirs.System]; ok && ratio.Median < 1 {
				lines = append(lines, fmt.Sprintf("%s: %s of the throughput of %s", what, withRange(ratio, ours.Rounds, times), theirs.System))
			}
			_, paced := ours.Ratios[theirs.System]
			if !paced && ours.P50 != nil && theirs.P50 != nil && *theirs.P50 < *ours.P50 && theirs.Extra["early"] == 0 {
				lines = append(lines, fmt.Sprintf("%s: the median latency is %s µs, of %s %s µs", what, figure(ours.P50, 0), theirs.System, figure(theirs.P50, 0)))
			}
		}
	}
	return lines
}
