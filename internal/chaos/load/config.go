// Package load is what processes under test do: producers put, publish and insert, workers take, handle and follow, and
// all of them write down each call and what became of it.
package load

import (
	"time"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// Env is the environment variable that has a process' Config, as JSON.
const Env = "THOONK_CHAOS"

// Config is what a process is and does.
type Config struct {
	Process  string // its name in the ledger
	Ledger   string // path
	URL      string
	Role     Role
	Seed     uint64
	Pace     time.Duration // mean pause of a goroutine between two calls
	Parts    []Part        // what is worked on; all if empty
	Tidy     bool          // deletes what it leaves behind, so that nothing grows
	Replicas int           // that must have what a call wrote
}

// A Role is what a process does.
type Role string

// The roles.
const (
	Producer Role = "producer"
	Worker   Role = "worker"
)

// A Part is one of the things that are worked on.
type Part string

// The parts.
const (
	Queues    Part = "queues"
	Jobs      Part = "jobs"
	Feeds     Part = "feeds"
	Lists     Part = "lists" // sorted feeds
	Histories Part = "histories"
	Doomed    Part = "doomed" // names that are deleted in use
)

// Names of what is worked on.
const (
	Queue = "queue"
	Set   = "jobs"  // a job set
	Feed  = "feed"  // items are published, edited and retracted, each by one goroutine
	Ring  = "ring"  // a feed with a bound
	News  = "news"  // a feed with publishes only, in which followers see gaps
	List  = "list"  // prefix of sorted feeds, each with one writer
	Board = "board" // a sorted feed with several writers, and followers

	DoomedQueue = "doomed.queue"
	DoomedFeed  = "doomed.feed"
	DoomedSet   = "doomed.jobs"

	// Prefixes of short-lived names, whose calls are checked as a history.
	QueueHistory = "history.queue"
	JobHistory   = "history.jobs"
	FeedHistory  = "history.feed"
)

// Bound is the length of Ring, and NewsBound of News, which need not grow for ever.
const (
	Bound     = 50
	NewsBound = 1000
)

// Fence is the beginning of the bodies after which followers tell what they have.
const Fence = "fence."

// JobConfig is that of Set.
var JobConfig = job.Config{
	Timeout: 3 * time.Second, MaxFailures: 5, MinBackoff: 5 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
	ResultTTL: time.Minute,
}

// ClaimLease is the timeout of job sets in histories: how long claims are exclusive.
const ClaimLease = 2 * time.Second

// CheckEvery and Lease are the engines': short, so that what is lost comes back within a run.
const (
	CheckEvery = 500 * time.Millisecond
	Lease      = 1500 * time.Millisecond
)

// Engine is the configuration of all engines: where they connect, and how many replicas they wait for.
func Engine(url string, replicas int) engine.Config {
	return engine.Config{
		URL: url, Connections: 2, CheckEvery: CheckEvery, Lease: Lease, Workers: 24,
		Timeout: time.Second, DialTimeout: time.Second, Patience: 10 * time.Second, DrainTimeout: 5 * time.Second,
		IdleAfter: 2 * time.Second, WaitReplicas: replicas, WaitTimeout: 300 * time.Millisecond,
	}
}

// slot is the number of the present stretch of time, the same in all processes: short-lived names have it, so that all
// work on the same one without a word.
func slot(d time.Duration) int64 { return ledger.Now() / int64(d) }
