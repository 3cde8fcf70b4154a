package load

import (
	"encoding/json"
	"runtime"

	"github.com/thoonk-go/thoonk/engine"
)

// Stats is what a process says of itself.
type Stats struct {
	Goroutines int
	Heap       uint64 // bytes in use after a collection
	Engine     engine.Stats
}

func (p *process) stats() string {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s, err := json.Marshal(Stats{Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc, Engine: p.eng.Stats()})
	if err != nil {
		return "{}"
	}
	return string(s)
}
