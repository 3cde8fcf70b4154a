// Package load calls a function from many goroutines for some time and keeps how long each call took. It knows nothing
// of Redis.
//
// Closed is the closed loop: each caller makes its next call when the last one has come back. It finds the highest
// throughput, and its latencies are those at that throughput. A stall of the system holds the callers up too, so a
// closed loop makes few calls while it lasts and its percentiles hardly show it: coordinated omission.
//
// Open is the open loop: calls are due at a fixed rate, whatever the system does, and the latency of a call is timed
// from when it was due. A call that waits for a free caller has begun to wait when it was due. That is the figure to
// look at for "how long do users wait at 20,000 calls per second".
//
// The cost of the loops themselves is one look at the clock per call, and one visit to a shared histogram per 128 calls
// of a caller: histograms per caller would take 140 KB each, and a heap of that size would spare the system under test
// some of its garbage collections.
package load
