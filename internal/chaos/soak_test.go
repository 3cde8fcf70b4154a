//go:build linux

package chaos

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/chaos/load"
)

// settled is from when on a soak has settled after a sixth of its time, so that its figures compare.
const settled = 3 * time.Minute

var soak = flag.Duration("soak", 10*time.Second, "how long TestSoak goes on; from 3m on its figures have to be flat")

// A sample is what a producer and a worker that live all the time need, and the server with them.
type sample struct {
	At           time.Duration
	Goroutines   [2]int
	Heap, Memory [2]uint64 // bytes: in use after a collection, of the process
	Connections  int64     // of all processes
	Keys         int64     // of names
	Expiring     int64     // of engines, and results of jobs: they end by themselves
	ServerMemory int64
	Operations   int64
}

func (s sample) String() string {
	return fmt.Sprintf("%5v  goroutines %v  heap %v KiB  memory %v KiB  connections %d  keys %d, and %d that expire  server %d KiB  operations %d",
		s.At.Round(time.Second), s.Goroutines, [2]uint64{s.Heap[0] >> 10, s.Heap[1] >> 10}, [2]uint64{s.Memory[0] >> 10, s.Memory[1] >> 10},
		s.Connections, s.Keys, s.Expiring, s.ServerMemory>>10, s.Operations)
}

// TestSoak has mixed load under faults for a long time: what a process, the server's connections and its keys need in the
// end is what they needed after a sixth of it. By default it is short: then nothing is violated, and nothing is left behind
// in the end; make soak FOR=30m is the long one.
func TestSoak(t *testing.T) {
	var samples []sample
	v := do(t, Options{
		System: Standalone(t, 4), Binary: Build(t, false, shiftedClock(t)...), Seed: *seed, For: *soak, Every: 700, Pace: 60 * time.Millisecond,
		Producers: 2, Workers: 2, Parts: []load.Part{load.Queues, load.Jobs, load.Feeds, load.Lists, load.Doomed},
		Spared: true, Tidy: true, Patience: 3 * time.Minute,
	}, func(ctx context.Context, r *Run) {
		began := time.Now()
		tick := time.NewTicker(max(time.Second, *soak/180))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if s, err := r.sample(ctx, began); err == nil {
					samples = append(samples, s)
					if len(samples)%6 == 0 {
						t.Log(s)
					}
				}
			case <-ctx.Done():
				return
			}
		}
	})
	t.Logf("seed %d\n%v", *seed, v)
	early, late := typical(samples, *soak/6), typical(samples, *soak)
	t.Logf("after a sixth:  %v", early)
	t.Logf("in the end:     %v", late)
	require.Empty(t, v.Violations)
	require.NotEmpty(t, samples)
	if *soak < settled {
		return
	}
	for i, who := range []string{"producer", "worker"} {
		require.LessOrEqual(t, late.Goroutines[i], early.Goroutines[i]*5/4+10, who)
		require.LessOrEqual(t, late.Heap[i], early.Heap[i]*3/2+4<<20, who)
		require.LessOrEqual(t, late.Memory[i], early.Memory[i]*5/4+8<<20, who)
	}
	require.LessOrEqual(t, late.Connections, early.Connections*5/4+4)
	require.LessOrEqual(t, late.Keys, early.Keys*5/4+10)
}

// typical has of each number the median of the samples in the last tenth before a time.
func typical(samples []sample, at time.Duration) sample {
	near := slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.At > at || s.At < at-*soak/10 })
	middle := func(number func(s sample) int64) int64 {
		var all []int64
		for _, s := range near {
			all = append(all, number(s))
		}
		slices.Sort(all)
		if len(all) == 0 {
			return 0
		}
		return all[len(all)/2]
	}
	m := sample{At: at}
	for i := range 2 {
		m.Goroutines[i] = int(middle(func(s sample) int64 { return int64(s.Goroutines[i]) }))
		m.Heap[i] = uint64(middle(func(s sample) int64 { return int64(s.Heap[i]) }))
		m.Memory[i] = uint64(middle(func(s sample) int64 { return int64(s.Memory[i]) }))
	}
	m.Connections = middle(func(s sample) int64 { return s.Connections })
	m.Keys = middle(func(s sample) int64 { return s.Keys })
	m.Expiring = middle(func(s sample) int64 { return s.Expiring })
	m.ServerMemory = middle(func(s sample) int64 { return s.ServerMemory })
	m.Operations = middle(func(s sample) int64 { return s.Operations })
	return m
}

// sample asks the first producer and the first worker, which are spared, and the server.
func (r *Run) sample(ctx context.Context, began time.Time) (sample, error) {
	s := sample{At: time.Since(began), Operations: r.operations()}
	for i, role := range []load.Role{load.Producer, load.Worker} {
		p := r.slots[slices.IndexFunc(r.slots, func(s *slot) bool { return s.role == role })].current()
		answer, err := p.tell("stats", 20*time.Second)
		if err != nil {
			return s, err
		}
		var st load.Stats
		if err := json.Unmarshal([]byte(answer), &st); err != nil {
			return s, err
		}
		s.Goroutines[i], s.Heap[i] = st.Goroutines, st.Heap
		statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
		if err != nil {
			return s, err
		}
		pages, _ := strconv.ParseUint(strings.Fields(string(statm))[1], 10, 64)
		s.Memory[i] = pages * uint64(os.Getpagesize())
	}
	reply, err := r.System.Do(ctx, "INFO")
	if err != nil {
		return s, err
	}
	info := map[string]int64{}
	for line := range strings.Lines(text(reply)) {
		for field := range strings.SplitSeq(strings.TrimPrefix(strings.TrimSpace(line), "db0:"), ",") {
			k, v, ok := strings.Cut(field, "=")
			if !ok {
				k, v, _ = strings.Cut(field, ":")
			}
			info[k], _ = strconv.ParseInt(v, 10, 64)
		}
	}
	s.Connections, s.ServerMemory = info["connected_clients"], info["used_memory"]
	s.Expiring = info["expires"]
	s.Keys = info["keys"] - s.Expiring
	return s, nil
}
