package redistest

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Message is one message as a subscriber sees it. Pattern is empty unless a pattern matched.
type Message struct {
	Channel, Payload, Pattern string
}

// Recorder is a subscriber that keeps every message, in the order of arrival, until it is taken.
type Recorder struct {
	peer   *Raw   // publishes markers
	marker string // our own channel

	mu        sync.Mutex
	confirmed int           // subscriptions
	markers   int           // published
	messages  []Message     // markers included
	changed   chan struct{} // closed and replaced when confirmed, messages or err changes
	err       error         // why the reader ended
}

const markerPrefix = "redistest.marker:"

// Record subscribes to channels, and to patterns where a name has a *, ? or [ in it. It returns when the server has
// confirmed them all; the subscription ends with the test.
func Record(t testing.TB, url string, channelsOrPatterns ...string) *Recorder {
	t.Helper()
	r := &Recorder{
		peer:    Client(t, url),
		marker:  markerPrefix + randomHex(8),
		changed: make(chan struct{}),
	}
	sub := Client(t, url).node // in a cluster messages reach every node
	cmds := [][]any{{"SUBSCRIBE", r.marker}, {"PSUBSCRIBE", r.marker + "*"}}
	for _, name := range channelsOrPatterns {
		verb := "SUBSCRIBE"
		if strings.ContainsAny(name, "*?[") {
			verb = "PSUBSCRIBE"
		}
		if r.peer.cluster != nil && keys.MatchString(name) {
			name = tagged(name)
		}
		cmds = append(cmds, []any{verb, name})
	}
	if err := sub.send(cmds); err != nil {
		t.Fatalf("recorder: %v", err)
	}
	if err := sub.conn.SetDeadline(time.Time{}); err != nil {
		t.Fatalf("recorder: %v", err)
	}

	done := make(chan struct{})
	go func() {
		defer close(done)
		r.read(sub.br)
	}()
	t.Cleanup(func() {
		_ = sub.conn.Close()
		<-done
	})
	if !r.wait(t, replyTimeout, func() bool { return r.confirmed == len(cmds) }) {
		t.Fatalf("recorder: %d of %d subscriptions confirmed", r.confirmed, len(cmds))
	}
	if r.peer.cluster != nil {
		r.Drain(t) // what was published before may be on its way between nodes still
	}
	return r
}

// Next returns the next message; the test fails if there is none within ten seconds.
func (r *Recorder) Next(t testing.TB) Message {
	t.Helper()
	return r.Take(t, 1, defaultPatience)[0]
}

// Take returns the next n messages; the test fails if they are not there in time.
func (r *Recorder) Take(t testing.TB, n int, timeout time.Duration) []Message {
	t.Helper()
	var taken []Message
	ok := r.wait(t, timeout, func() bool {
		waiting := r.waiting(len(r.messages))
		if len(waiting) < n {
			return false
		}
		taken = waiting[:n:n]
		r.messages = waiting[n:]
		return true
	})
	if !ok {
		t.Fatalf("recorder: want %d messages within %v, have %q", n, timeout, r.Waiting())
	}
	return taken
}

// Drain returns every message that was published before the call and not taken yet, so an empty result proves that
// there was none. It works by publishing a marker, at every primary of a cluster, and reading up to it.
// (The embedded server delivers through channels and through patterns in order each, but not among each other: the
// marker has to come both ways.)
func (r *Recorder) Drain(t testing.TB) []Message {
	t.Helper()
	r.mu.Lock()
	r.markers++
	number := r.markers
	r.mu.Unlock()
	var markers []string
	r.peer.each(func() {
		marker := fmt.Sprintf("%d at %d", number, len(markers))
		markers = append(markers, marker)
		r.peer.Do("PUBLISH", r.marker, marker)
	})

	var drained []Message
	ok := r.wait(t, replyTimeout, func() bool {
		end := 0
		for _, marker := range markers {
			channel, pattern := r.find(marker, false), r.find(marker, true)
			if channel < 0 || pattern < 0 {
				return false
			}
			end = max(end, channel+1, pattern+1)
		}
		drained = r.waiting(end)
		r.messages = slices.Clone(r.messages[end:])
		return true
	})
	if !ok {
		t.Fatal("recorder: the marker did not arrive")
	}
	return drained
}

// find returns where the marker is that came through a channel or through a pattern, -1 if it did not come yet.
// The caller holds mu.
func (r *Recorder) find(marker string, pattern bool) int {
	return slices.IndexFunc(r.messages, func(m Message) bool {
		return m.Channel == r.marker && m.Payload == marker && (m.Pattern != "") == pattern
	})
}

// Waiting returns the messages that have arrived and were not taken, without taking them.
func (r *Recorder) Waiting() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting(len(r.messages))
}

// waiting returns a copy of the first n entries without markers. The caller holds mu.
func (r *Recorder) waiting(n int) []Message {
	out := make([]Message, 0, n)
	for _, m := range r.messages[:n] {
		if !strings.HasPrefix(m.Channel, markerPrefix) { // patterns see other recorders' markers too
			out = append(out, m)
		}
	}
	return out
}

// wait calls done, under mu, after each change until it answers true. It answers false when the time is over.
func (r *Recorder) wait(t testing.TB, timeout time.Duration, done func() bool) bool {
	t.Helper()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		r.mu.Lock()
		ok, err, changed := done(), r.err, r.changed
		r.mu.Unlock()
		if ok {
			return true
		}
		if err != nil {
			t.Fatalf("recorder: %v", err)
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		}
	}
}

// message has names without the braces that they have in a cluster.
func (r *Recorder) message(channel, payload, pattern string) Message {
	if r.peer.cluster != nil {
		if aboutNames(channel) {
			payload = bareName(payload)
		}
		channel, pattern = bare(channel), bare(pattern)
	}
	return Message{channel, payload, pattern}
}

// read keeps what arrives until the connection ends.
func (r *Recorder) read(br *bufio.Reader) {
	for {
		reply, err := readReply(br)
		if e, ok := reply.(Error); ok {
			err = e
		}
		r.mu.Lock()
		list, _ := reply.([]any)
		parts := asStrings(list)
		switch {
		case err != nil:
			r.err = err
		case len(parts) == 3 && parts[0] == "message":
			r.messages = append(r.messages, r.message(parts[1], parts[2], ""))
		case len(parts) == 4 && parts[0] == "pmessage":
			r.messages = append(r.messages, r.message(parts[2], parts[3], parts[1]))
		case len(parts) == 3:
			r.confirmed++
		}
		close(r.changed)
		r.changed = make(chan struct{})
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}
