package conformance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// ours are the keys that the engine adds (contract 7). Peers do not know them, and neither do the scenarios.
var ours = []contract.Key{
	contract.Claimants, contract.Delayed, contract.Errors, contract.Progress, contract.Waiters, contract.Result,
	contract.Taken, contract.TakenB, contract.Done, contract.Answers, contract.Maintenance, contract.Unaccounted, contract.Wake,
}

// channels are those of a name that a peer may listen to, some of them with the names of keys. The engine's own
// (contract 7) are not among them.
var channels = []contract.Key{
	contract.Publish, contract.Edit, contract.Retract, contract.Position, contract.JobFinish, contract.Publishes,
	contract.Claimed, contract.Stalled, contract.Finishes, contract.Cancelled, contract.Retried,
}

// A system runs operations: a peer, or the engine.
type system interface {
	// do runs an operation and says how it ended, as words; none if there is nothing to say.
	do(s step) []string
	// events are what its subscriber has seen of these messages, as words each.
	events(messages []redistest.Message) [][]string
}

// A world is where one scenario runs: a name, and what is watched of it.
type world struct {
	t        testing.TB
	name     string
	raw      *redistest.Raw
	recorder *redistest.Recorder
	ids      map[string]string // id → placeholder, and the other way round
	count    int
}

func newWorld(t testing.TB, suffix string) *world {
	t.Helper()
	redistest.Shared(t).NeedUnclustered(t, "recorded from peers that know no clusters")
	url := redistest.Shared(t).URL()
	w := &world{t: t, name: redistest.Name(t) + suffix, raw: redistest.Client(t, url), ids: map[string]string{}}
	names := []string{string(contract.NewFeed), string(contract.DelFeed), string(contract.ConfFeed)}
	for _, k := range channels {
		names = append(names, k.Of(w.name))
	}
	w.recorder = redistest.Record(t, url, names...)
	return w
}

// marker is an item that a test retracts to see that everything before it has arrived.
const marker = "the marker"

// messages are those since the last call, of this name.
func (w *world) messages() (list []redistest.Message) {
	for _, m := range w.recorder.Drain(w.t) {
		_, name, of := contract.SplitChannel(m.Channel)
		if (of && name == w.name && m.Payload != marker) || (!of && strings.HasPrefix(m.Payload, w.name)) {
			list = append(list, m)
		}
	}
	return list
}

// run does all steps and returns what became of each, and the keys in the end.
func (w *world) run(s scenario, sys system) (steps [][]string, keys []string) {
	for _, st := range s.steps {
		for i, a := range st.args {
			st.args[i] = w.actual(a)
		}
		var lines []string
		if result := sys.do(st); result != nil {
			lines = append(lines, w.line("<", result...))
		}
		messages := w.messages()
		for _, m := range messages {
			kind, _, of := contract.SplitChannel(m.Channel)
			parts := strings.SplitN(m.Payload, "\x00", 2)
			if !of {
				kind, parts = contract.Key(m.Channel), strings.Split(m.Payload, "\x00")
				if len(parts) == 2 {
					parts[1] = "<E>"
				}
			}
			lines = append(lines, w.line("!", append([]string{strings.TrimSuffix(string(kind), ":")}, parts...)...))
		}
		for _, e := range sys.events(messages) {
			lines = append(lines, w.line("*", e...))
		}
		steps = append(steps, lines)
	}
	return steps, w.keys()
}

// keys are all keys of the name and their values, but ours.
func (w *world) keys() (lines []string) {
	for key, value := range w.raw.Dump(w.name) {
		kind, _, _ := contract.SplitChannel(key)
		if slices.Contains(ours, kind) {
			continue
		}
		parts := []string{strings.TrimSuffix(key, ":"+w.name)}
		switch v := value.(type) {
		case string:
			parts = append(parts, "string", v)
		case []string:
			parts = append(append(parts, fmt.Sprint(w.raw.Do("TYPE", key))), v...)
		case map[string]string:
			parts = append(parts, "hash")
			var fields []string
			for id, body := range v {
				fields = append(fields, w.placeholders(id)+"="+body)
			}
			slices.Sort(fields)
			parts = append(parts, fields...)
		case []redistest.Scored:
			parts = append(parts, "zset")
			var members []string
			for _, m := range v {
				unit := "@ms"
				if m.Score < 1e11 {
					unit = "@s"
				}
				members = append(members, w.placeholders(m.Member)+unit)
			}
			if kind != contract.IDs {
				slices.Sort(members) // their order has no meaning
			}
			parts = append(parts, members...)
		}
		lines = append(lines, w.line("=", parts...))
	}
	if w.raw.Int("SISMEMBER", contract.Feeds, w.name) == 1 {
		lines = append(lines, "= feeds <X>")
	}
	slices.Sort(lines)
	return lines
}

var generated = regexp.MustCompile(`\b[0-9a-f]{32}\b`)

// placeholders has what is not the same in each run replaced.
func (w *world) placeholders(text string) string {
	text = strings.ReplaceAll(text, w.name, "<X>")
	return generated.ReplaceAllStringFunc(text, func(id string) string {
		if w.ids[id] == "" {
			w.count++
			w.ids[id] = fmt.Sprintf("<id%d>", w.count)
			w.ids[w.ids[id]] = id
		}
		return w.ids[id]
	})
}

// actual is the opposite.
func (w *world) actual(text string) string {
	text = strings.ReplaceAll(text, "<X>", w.name)
	for _, k := range slices.Collect(maps.Keys(w.ids)) {
		if strings.HasPrefix(k, "<") {
			text = strings.ReplaceAll(text, k, w.ids[k])
		}
	}
	return text
}

func (w *world) line(sign string, list ...string) string {
	for i := range list {
		list[i] = w.placeholders(list[i])
	}
	return line(sign, list...)
}

// raws does a step that is a plain command.
func (w *world) raws(args []string) []string {
	words := make([]any, len(args))
	for i, a := range args {
		words[i] = a
	}
	w.raw.Do(words...)
	return nil
}
