package main

import "runtime"

// memory is what this process holds.
type memory struct{ heap, stacks uint64 }

func (m memory) total() int64 { return int64(m.heap + m.stacks) }

// inUse is what is left after the garbage was collected. Stacks shrink by half in a collection.
func inUse() memory {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{m.HeapInuse, m.StackInuse}
}
