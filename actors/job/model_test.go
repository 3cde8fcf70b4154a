package job_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// A model is what a job set should hold. Its invariants, checked after every
// operation by the counts and in the end by all keys:
//
//   - each job is in line, claimed, delayed or stalled, once;
//   - only the newest claim of a job that nobody has ended can do anything;
//   - an operation that fails changes nothing.
type model struct {
	line            []string // the next one first
	items           map[string]string
	claimed         map[string]*job.Claim
	delayed         map[string]bool
	stalled         map[string]bool
	failures        map[string]int
	errors, results map[string]string
	puts, finishes  int
}

const mostFailures = 3

func newModel() *model {
	return &model{items: map[string]string{}, claimed: map[string]*job.Claim{}, delayed: map[string]bool{},
		stalled: map[string]bool{}, failures: map[string]int{}, errors: map[string]string{}, results: map[string]string{}}
}

// state is the model as bench.state writes the keys.
func (m *model) state() string {
	var all []string
	add := func(key string, words []string) {
		if len(words) > 0 {
			all = append(all, key+": "+strings.Join(words, " "))
		}
	}
	pairs := func(v map[string]string) (words []string) {
		for _, k := range slices.Sorted(maps.Keys(v)) {
			words = append(words, k+"="+v[k])
		}
		return words
	}
	with := func(ids []string, suffix string) (words []string) {
		for _, id := range ids {
			words = append(words, id+suffix)
		}
		return words
	}
	var failures, published []string
	for _, id := range slices.Sorted(maps.Keys(m.failures)) {
		failures = append(failures, fmt.Sprintf("%s=%d", id, m.failures[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(m.items)) {
		if !m.stalled[id] {
			published = append(published, id)
		}
	}
	ids := slices.Clone(m.line)
	slices.Reverse(ids)
	add("cancelled", failures)
	add("claimants", with(slices.Sorted(maps.Keys(m.claimed)), "=10m0s"))
	add("claimed", with(slices.Sorted(maps.Keys(m.claimed)), "@now"))
	add("config", []string{fmt.Sprint("max_failures=", mostFailures)})
	add("delayed", with(slices.Sorted(maps.Keys(m.delayed)), "@+60m"))
	add("errors", pairs(m.errors))
	if m.finishes > 0 {
		add("finishes", []string{fmt.Sprint(m.finishes)})
	}
	add("ids", ids)
	add("items", pairs(m.items))
	add("published", with(published, "@now"))
	if m.puts > 0 {
		add("publishes", []string{fmt.Sprint(m.puts)})
	}
	for _, id := range slices.Sorted(maps.Keys(m.results)) {
		add("result:"+id, []string{m.results[id]})
	}
	add("stalled", slices.Sorted(maps.Keys(m.stalled)))
	return strings.Join(all, "\n")
}

// remove takes a job out of whatever it is in.
func (m *model) remove(id string) {
	m.line = slices.DeleteFunc(m.line, func(other string) bool { return other == id })
	delete(m.claimed, id)
	delete(m.delayed, id)
	delete(m.stalled, id)
}

func (m *model) forget(id string) {
	m.remove(id)
	delete(m.items, id)
	delete(m.failures, id)
	delete(m.errors, id)
}

// end is what an operation of a claimant does.
func (m *model) end(op, id string) {
	m.remove(id)
	switch op {
	case "finish", "result":
		m.forget(id)
		m.finishes++
		if op == "result" {
			m.results[id] = "done"
		}
	case "return":
		m.line = append([]string{id}, m.line...)
	case "snooze":
		m.delayed[id] = true
	case "snooze0":
		m.line = append(m.line, id)
	case "stall":
		m.errors[id] = "bad"
		m.stalled[id] = true
		delete(m.failures, id)
	case "cancel":
		m.errors[id] = "no"
		if m.failures[id]++; m.failures[id] == mostFailures {
			m.stalled[id] = true
			delete(m.failures, id)
		} else {
			m.line = append(m.line, id)
		}
	}
}

var endings = []string{"finish", "result", "cancel", "cancel", "return", "snooze", "snooze0", "stall", "extend"}

// follow runs operations, two bytes each, on Redis and on a model.
func follow(t *testing.T, eng *engine.Engine, url string, script []byte) {
	b := benchOn(t, eng, url, job.Config{MaxFailures: mostFailures}).unattended()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	m := newModel()
	var claims []*job.Claim // all there ever were
	for len(script) >= 2 {
		op, arg := script[0], int(script[1])
		script = script[2:]
		id := string(rune('a' + arg%7))
		switch op % 8 {
		case 0, 1:
			o := job.PutOptions{ID: id}
			if arg&16 != 0 {
				o.Priority = job.High
			}
			if arg&32 != 0 {
				o.Delay = time.Hour
			}
			body := fmt.Sprint(m.puts)
			_, err := b.Put(ctx, []byte(body), o)
			if _, exists := m.items[id]; exists {
				assert.ErrorIs(t, err, job.ErrExists)
				break
			}
			require.NoError(t, err)
			m.puts++
			m.items[id] = body
			switch {
			case o.Delay > 0:
				m.delayed[id] = true
			case o.Priority == job.High:
				m.line = append([]string{id}, m.line...)
			default:
				m.line = append(m.line, id)
			}
		case 2, 3:
			c, err := b.TryGet(ctx)
			if len(m.line) == 0 {
				assert.ErrorIs(t, err, job.ErrEmpty)
				break
			}
			require.NoError(t, err)
			next := m.line[0]
			assert.Equal(t, next, c.ID)
			assert.Equal(t, m.items[next], string(c.Body))
			assert.Equal(t, m.failures[next], c.Failures)
			m.remove(next)
			m.claimed[next] = c
			claims = append(claims, c)
		case 4, 5:
			if len(claims) == 0 {
				break
			}
			c := claims[len(claims)-1-arg/16%len(claims)] // also such as have ended
			op := endings[arg%len(endings)]
			err := ops[op](ctx, b, c)
			if m.claimed[c.ID] != c {
				assert.ErrorIs(t, err, job.ErrNotOwner, op)
				break
			}
			require.NoError(t, err, op)
			if op != "extend" {
				m.end(op, c.ID)
			}
		case 6:
			err := b.Retry(ctx, id)
			if !m.stalled[id] {
				assert.ErrorIs(t, err, job.ErrNotStalled)
				break
			}
			require.NoError(t, err)
			m.remove(id)
			m.line = append(m.line, id)
		case 7:
			err := b.Retract(ctx, id)
			if _, exists := m.items[id]; !exists {
				assert.ErrorIs(t, err, job.ErrNotFound)
				break
			}
			require.NoError(t, err)
			m.forget(id)
		}
		want := job.Counts{Available: len(m.line), Claimed: len(m.claimed), Delayed: len(m.delayed), Stalled: len(m.stalled),
			Jobs: len(m.items), Put: int64(m.puts), Finished: int64(m.finishes)}
		require.Equal(t, want, b.counts())
	}
	require.Equal(t, m.state(), b.state())
	for id := range m.items {
		i, err := b.Info(ctx, id)
		require.NoError(t, err)
		want := map[bool]job.State{true: job.Available}[slices.Contains(m.line, id)]
		switch {
		case m.claimed[id] != nil:
			want = job.Claimed
		case m.delayed[id]:
			want = job.Delayed
		case m.stalled[id]:
			want = job.Stalled
		}
		assert.Equal(t, want, i.State, id)
	}
	if err := eng.Delete(ctx, b.name); err != nil && !errors.Is(err, engine.ErrNoSuchName) {
		t.Error(err)
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	url := redistest.Shared(t).URL()
	eng := openEngine(t, engine.Config{URL: url})
	rounds := 25
	if full {
		rounds = 1000
	}
	seed := rand.Uint64()
	for i := range rounds {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		script := make([]byte, 240)
		for j := range script {
			script[j] = byte(rng.Uint32())
		}
		follow(t, eng, url, script)
		if t.Failed() {
			t.Fatalf("script %q", script)
		}
	}
}

func FuzzModel(f *testing.F) {
	url := redistest.Shared(f).URL()
	eng := openEngine(f, engine.Config{URL: url})
	f.Add([]byte("\x00\x00\x02\x00\x04\x00"))                                                 // put, claim, finish
	f.Add([]byte("\x00\x00\x02\x00\x04\x02\x02\x00\x04\x02\x02\x00\x04\x03\x06\x00\x02\x00")) // three failures, a retry
	f.Add([]byte("\x00\x00\x02\x00\x07\x00\x00\x00\x04\x10\x02\x00\x04\x10\x04\x01"))         // retracted and put again: an old claim
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 400 {
			script = script[:400]
		}
		follow(t, eng, url, script)
	})
}
