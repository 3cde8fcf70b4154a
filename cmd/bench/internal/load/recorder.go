package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Bounds of what a histogram tells apart, and its digits.
const (
	shortest = time.Microsecond
	longest  = time.Minute
	digits   = 3
)

// A Recorder is a histogram of durations that many goroutines fill, each through a Buffer of its own.
type Recorder struct {
	mu   sync.Mutex
	hist *hdrhistogram.Histogram
}

// NewRecorder returns an empty recorder: 1 µs to 60 s, three digits.
func NewRecorder() *Recorder {
	return &Recorder{hist: hdrhistogram.New(int64(shortest), int64(longest), digits)}
}

// Buffer returns a buffer for one goroutine, which calls Flush at its end.
func (r *Recorder) Buffer() *Buffer { return &Buffer{to: r} }

// Histogram returns what was flushed so far, in nanoseconds. It is not a copy.
func (r *Recorder) Histogram() *hdrhistogram.Histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hist
}

// A Buffer collects the durations of one goroutine.
type Buffer struct {
	to *Recorder
	n  int
	v  [128]int64
}

// Record adds one duration. What is longer than the histogram's bound counts as the bound.
func (b *Buffer) Record(d time.Duration) {
	b.v[b.n] = min(int64(d), int64(longest))
	if b.n++; b.n == len(b.v) {
		b.Flush()
	}
}

// Flush hands everything over.
func (b *Buffer) Flush() {
	b.to.mu.Lock()
	for _, v := range b.v[:b.n] {
		_ = b.to.hist.RecordValue(v) // fails only above the bound
	}
	b.to.mu.Unlock()
	b.n = 0
}
