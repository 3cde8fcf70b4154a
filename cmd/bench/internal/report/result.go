package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Systems that scenarios have in common. Thoonk is what we measure; the others are what it is measured against.
const (
	Thoonk  = "thoonk"
	Ceiling = "ceiling"
	Radix   = "radix"
)

// A Result is one run of one scenario on one system. A nil field does not apply or could not be found out.
type Result struct {
	Scenario string   `json:"scenario"`
	System   string   `json:"system"`
	Round    int      `json:"round,omitempty"` // from 1, with several
	Callers  int      `json:"callers"`
	Size     int      `json:"size"`           // of an item, in bytes; the mean with -input
	Rate     *float64 `json:"rate,omitempty"` // calls that were due per second, in an open loop
	Ops      int64    `json:"ops"`
	Seconds  float64  `json:"seconds"`
	PerS     float64  `json:"ops_per_s"`
	P50      *float64 `json:"p50_us"`
	P99      *float64 `json:"p99_us"`
	P999     *float64 `json:"p999_us"`
	RedisCPU *float64 `json:"redis_cpu_us_per_op"`
	Batch    *float64 `json:"batch_mean"`
	Allocs   *float64 `json:"allocs_per_op"`
	CPU      *float64 `json:"cpu_us_per_op"` // of this process, or of a peer's

	// Extra is what only this scenario has, by a name in snake case.
	Extra map[string]float64 `json:"extra,omitempty"`

	// Interrupted: the run was shorter than it should have been.
	Interrupted bool `json:"interrupted,omitempty"`

	// Aside: how fast it was is beside the point, and no ratios are made.
	Aside bool `json:"aside,omitempty"`

	// Note says why there are no figures.
	Note string `json:"note,omitempty"`

	// Part is which part of a report it belongs to.
	Part string `json:"part,omitempty"`

	// Series is what was varied, and At its value; with -series.
	Series string  `json:"series,omitempty"`
	At     float64 `json:"at,omitempty"`

	// Total is Ops and those of the warm-up: what must be found in Redis.
	Total int64 `json:"-"`

	// Batches is how many round trips the engines made.
	Batches int64 `json:"-"`
}

// Set keeps an extra figure.
func (r *Result) Set(name string, v float64) {
	if r.Extra == nil {
		r.Extra = make(map[string]float64)
	}
	r.Extra[name] = v
}

// Latencies keeps the percentiles of a histogram of nanoseconds.
func (r *Result) Latencies(h *hdrhistogram.Histogram) {
	if h.TotalCount() == 0 {
		return
	}
	at := func(percentile float64) *float64 { return Of(float64(h.ValueAtPercentile(percentile)) / 1e3) }
	r.P50, r.P99, r.P999 = at(50), at(99), at(99.9)
}

// Of is a pointer to v, for the fields that may be nil.
func Of(v float64) *float64 { return &v }

// CompareSystems orders systems: thoonk, the common references, then any others by name.
func CompareSystems(a, b string) int {
	common := []string{Radix, Ceiling, Thoonk}
	return cmp.Or(slices.Index(common, b)-slices.Index(common, a), strings.Compare(a, b))
}
