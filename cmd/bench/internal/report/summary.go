package report

import "slices"

// A Spread is a figure over several rounds.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// A Summary is all rounds of one scenario on one system. Latencies and costs are medians.
type Summary struct {
	Scenario string   `json:"scenario"`
	System   string   `json:"system"`
	Rounds   int      `json:"rounds"`
	Callers  int      `json:"callers"`
	Size     int      `json:"size"`
	PerS     Spread   `json:"ops_per_s"`
	P50      *float64 `json:"p50_us"`
	P99      *float64 `json:"p99_us"`
	P999     *float64 `json:"p999_us"`
	RedisCPU *float64 `json:"redis_cpu_us_per_op"`
	Batch    *float64 `json:"batch_mean"`
	Allocs   *float64 `json:"allocs_per_op"`
	CPU      *float64 `json:"cpu_us_per_op"`

	Note   string  `json:"note,omitempty"` // instead of figures
	Part   string  `json:"part,omitempty"` // see Result
	Series string  `json:"series,omitempty"`
	At     float64 `json:"at,omitempty"`

	Extra map[string]float64 `json:"extra,omitempty"`

	// Ratios of this system's ops/s to those of the others in the same round; only for thoonk, and not at a given rate.
	Ratios map[string]Spread `json:"ratios,omitempty"`
}

// Summarize puts the rounds together, in the order in which the results first name scenario and system.
func Summarize(results []Result) []Summary {
	type key struct {
		scenario, system, part, series string
		at                             float64
	}
	groups := make(map[key][]Result)
	var order []key
	for _, r := range results {
		k := key{r.Scenario, r.System, r.Part, r.Series, r.At}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	var list []Summary
	for _, k := range order {
		s := summarize(groups[k])
		for _, other := range order {
			rival := k
			rival.system = other.system
			if k.system != Thoonk || other != rival || other == k {
				continue
			}
			if ratio, ok := ratios(groups[k], groups[other]); ok {
				if s.Ratios == nil {
					s.Ratios = make(map[string]Spread)
				}
				s.Ratios[other.system] = ratio
			}
		}
		list = append(list, s)
	}
	return list
}

func summarize(rounds []Result) Summary {
	figure := func(of func(Result) *float64) *float64 {
		var v []float64
		for _, r := range rounds {
			if f := of(r); f != nil {
				v = append(v, *f)
			}
		}
		if len(v) == 0 {
			return nil
		}
		return Of(spread(v).Median)
	}
	first := rounds[0]
	s := Summary{
		Scenario: first.Scenario, System: first.System, Rounds: len(rounds), Callers: first.Callers, Size: first.Size,
		Note: first.Note, Part: first.Part, Series: first.Series, At: first.At,
		P50:      figure(func(r Result) *float64 { return r.P50 }),
		P99:      figure(func(r Result) *float64 { return r.P99 }),
		P999:     figure(func(r Result) *float64 { return r.P999 }),
		RedisCPU: figure(func(r Result) *float64 { return r.RedisCPU }),
		Batch:    figure(func(r Result) *float64 { return r.Batch }),
		Allocs:   figure(func(r Result) *float64 { return r.Allocs }),
		CPU:      figure(func(r Result) *float64 { return r.CPU }),
	}
	var speeds []float64
	for _, r := range rounds {
		speeds = append(speeds, r.PerS)
	}
	s.PerS = spread(speeds)
	for name := range first.Extra {
		if s.Extra == nil {
			s.Extra = make(map[string]float64)
		}
		s.Extra[name] = *figure(func(r Result) *float64 { return Of(r.Extra[name]) })
	}
	return s
}

// ratios compares the rounds that both have. At a given rate all systems have the same ops/s: no ratio.
func ratios(a, b []Result) (Spread, bool) {
	var v []float64
	for _, x := range a {
		for _, y := range b {
			if x.Round == y.Round && y.PerS > 0 && x.Rate == nil && !x.Aside {
				v = append(v, x.PerS/y.PerS)
			}
		}
	}
	if len(v) == 0 {
		return Spread{}, false
	}
	return spread(v), true
}

func spread(v []float64) Spread {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return Spread{Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1]}
}
