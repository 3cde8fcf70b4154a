// Package contract holds the wire contract as code: the names of keys and
// channels, the encoding of messages, and the limits on names, ids and items.
// docs and comments elsewhere name its sections as "contract 3".
package contract

// A Type is what a name is: the field "type" of its configuration.
type Type string

// The four types (contract 2).
const (
	TypeFeed   Type = "feed"
	TypeSorted Type = "sorted_feed"
	TypeQueue  Type = "queue"
	TypeJob    Type = "job"
)

// A Key is the first part of a key or channel; the name follows its colon. A Key
// without a colon at its end belongs to no name.
type Key string

// Of returns the key or channel of one name.
func (k Key) Of(name string) string {
	if k.Global() {
		return string(k)
	}
	return string(k) + name
}

// Global reports whether the key is one for all names.
func (k Key) Global() bool { return k[len(k)-1] != ':' }

// Feeds is the set of all names.
const Feeds Key = "feeds"

// Keys of the contract (sections 2 to 6).
const (
	IDs       Key = "feed.ids:"
	Items     Key = "feed.items:"
	Publishes Key = "feed.publishes:"
	Config    Key = "feed.config:"
	IDIncr    Key = "feed.idincr:"
	Published Key = "feed.published:"
	Claimed   Key = "feed.claimed:"
	Cancelled Key = "feed.cancelled:"
	Stalled   Key = "feed.stalled:"
	Running   Key = "feed.running:"
	Finishes  Key = "feed.finishes:"
	Retried   Key = "feed.retried:"
)

// Keys that this engine adds (section 7). Peers do not know them.
const (
	Claimants   Key = "feed.claimants:"
	Delayed     Key = "feed.delayed:"
	Errors      Key = "feed.errors:"
	Progress    Key = "feed.progress:"
	Waiters     Key = "feed.waiters:"
	Result      Key = "feed.result:"
	Taken       Key = "feed.taken:"
	TakenB      Key = "feed.taken.b:"
	Done        Key = "feed.done:"
	Answers     Key = "feed.answers:"
	Maintenance Key = "feed.maintenance:"
	Unaccounted Key = "feed.unaccounted:"
	Wake        Key = "feed.wake:"
	Moving      Key = "feed.moving:" // never exists
)

// Owned lists every key of a name that deleting it deletes. Keys with a second
// part (feed.result:X:<id>, feed.taken:X:<engine>, feed.done:X:<engine> and others) expire on
// their own.
var Owned = []Key{
	Config, IDs, Items, Publishes, IDIncr, Published, Claimed, Cancelled,
	Stalled, Running, Finishes, Retried,
	Claimants, Delayed, Errors, Progress, Waiters, Maintenance, Unaccounted,
}

// Channels of a name (section 9).
const (
	Publish   Key = "feed.publish:"
	Edit      Key = "feed.edit:"
	Retract   Key = "feed.retract:"
	Position  Key = "feed.position:"
	JobFinish Key = "job.finish:"

	// With notices, a put is announced on the channel Publishes and a claim on
	// Claimed: channels and keys do not meet.
)

// Channels that this engine adds.
const (
	JobProgress Key = "job.progress:" // id\0text
	JobEnded    Key = "job.ended:"    // id\0state, while somebody waits for a job
)

// Channels about names (section 2).
const (
	NewFeed  Key = "newfeed"
	DelFeed  Key = "delfeed"
	ConfFeed Key = "conffeed"
)

// Fields of the configuration hash.
const (
	FieldType       = "type"
	FieldMaxLength  = "max_length"
	FieldTitle      = "title"
	FieldSerializer = "serializer"
	FieldScoreUnit  = "score_unit"

	// Of job sets; durations in milliseconds.
	FieldTimeout     = "timeout"
	FieldMaxFailures = "max_failures"
	FieldMinBackoff  = "min_backoff"
	FieldMaxBackoff  = "max_backoff"
	FieldResultTTL   = "result_ttl"
	FieldNotices     = "notices" // "1"
	FieldPaused      = "paused"  // "1"
)
