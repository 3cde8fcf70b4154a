package engine

import (
	"github.com/thoonk-go/thoonk/internal/wakeup"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pool"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// Stats is what the engine has done since it was opened, and does at the moment.
// The numbers are not taken at one instant.
type Stats struct {
	Feeds  KindStats
	Queues KindStats
	Jobs   KindStats
	Sorted KindStats
	Names  KindStats // commands about names of any type

	// Reconnects of the connections that carry commands.
	Reconnects uint64
	// Pool is the handlers of all job sets.
	Pool pool.Stats
	// Waker is the connections on which ids for empty queues arrive.
	Waker wakeup.Stats
	// Hub is the connection that messages arrive on.
	Hub pubsubhub.Stats
}

// KindStats counts the commands of one type.
type KindStats struct {
	Actors   int    // goroutines that own a name
	Commands uint64 // sent, repetitions included
	Batches  uint64 // round trips that carried them
	InFlight int    // commands on their way now
	Retries  uint64 // attempts after a failure

	// BatchSizes counts batches by their number of commands: BatchSizes[i] has
	// those of more than 2^(i-1) and up to 2^i commands, the last all larger ones.
	BatchSizes []uint64
}

// BatchMean is the mean number of commands in a batch; 0 without any.
func (s KindStats) BatchMean() float64 {
	if s.Batches == 0 {
		return 0
	}
	return float64(s.Commands) / float64(s.Batches)
}

// Stats returns the engine's counters. It never blocks.
func (e *Engine) Stats() Stats {
	return Stats{
		Feeds:      kindStats(&e.feedStats, e.feeds.Set().Len()),
		Jobs:       kindStats(&e.jobStats, e.jobs.Len()),
		Pool:       e.pool.Stats(),
		Queues:     kindStats(&e.queueStats, e.queues.Len()),
		Sorted:     kindStats(&e.sortedStats, e.sorted.Set().Len()),
		Names:      kindStats(&e.nameStats, e.names.Len()),
		Reconnects: e.net.Reconnects(),
		Waker:      e.waker.Stats(),
		Hub:        e.hub.Stats(),
	}
}

func kindStats(s *wire.Stats, actors int) KindStats {
	k := KindStats{
		Actors:     actors,
		Commands:   s.Commands.Load(),
		Batches:    s.Batches.Load(),
		InFlight:   int(s.InFlight.Load()),
		Retries:    s.Retries.Load(),
		BatchSizes: make([]uint64, len(s.Sizes)),
	}
	for i := range s.Sizes {
		k.BatchSizes[i] = s.Sizes[i].Load()
	}
	return k
}
