package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestThoonkPyCommands: a peer in thoonk.py's dialect sends what thoonk.py sent, command by command, in all scenarios
// whose commands were recorded. It also asks Redis for the time; thoonk.py has a clock of its own.
func TestThoonkPyCommands(t *testing.T) {
	t.Parallel()
	redistest.Shared(t).NeedUnclustered(t, "recorded from peers that know no clusters")
	text, err := testdata.ReadFile("testdata/commands.txt")
	require.NoError(t, err)
	var want []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
	}
	var mu sync.Mutex
	sent := map[string]string{} // sequence → scenario
	t.Run("scenarios", func(t *testing.T) {
		each(t, func(t *testing.T, s scenario) {
			if s.kind == "subscribe" {
				return
			}
			w := newWorld(t, s.suffix)
			log := &commandLog{world: w}
			w.run(s, &logged{byPeer: newByPeer(w, log.do, peer.ThoonkPy), log: log})
			mu.Lock()
			defer mu.Unlock()
			for _, l := range log.sequences {
				sent[l] = s.kind + "/" + s.name
			}
		})
	})
	for l, s := range sent {
		assert.True(t, slices.Contains(want, l), "%s: thoonk.py does not send\n%s", s, l)
	}
	for _, l := range want {
		assert.NotEmpty(t, sent[l], "the peer never sends\n%s", l)
	}
}

// A commandLog keeps the commands of a peer.
type commandLog struct {
	*world
	commands, sequences []string
}

func (c *commandLog) do(args ...any) (any, error) {
	if args[0] != "TIME" {
		var words []string
		for _, a := range args {
			words = append(words, fmt.Sprint(a))
		}
		c.commands = append(c.commands, c.general(words))
	}
	reply, err := c.raw.DoErr(args...)
	if args[0] == "EXEC" && reply == nil && err == nil { // others changed a watched key: it begins again
		for i := len(c.commands) - 1; i >= 0; i-- {
			if strings.HasPrefix(c.commands[i], "WATCH ") {
				c.commands = c.commands[:i]
				break
			}
		}
	}
	return reply, err
}

var (
	milliseconds = regexp.MustCompile(`^\d{13}$`)
	seconds      = regexp.MustCompile(`^\d{10}\.\d+$`)
)

// general is a command without what is different each time.
func (c *commandLog) general(words []string) string {
	for i, w := range words {
		w = strings.TrimSuffix(w, ":"+c.name)
		if rest, is := strings.CutPrefix(w, c.name); is {
			w = "<X>" + rest
		}
		head, tail, two := strings.Cut(w, "\x00")
		switch {
		case two && head == "<X>":
			tail = "<E>"
		case milliseconds.MatchString(w):
			head = "<ms>"
		case seconds.MatchString(w):
			head = "<s>"
		}
		if words[i] = generated.ReplaceAllString(head, "<id>"); two {
			words[i] += "\x00" + tail
		}
	}
	return strings.TrimPrefix(line("", words...), " ")
}

// logged takes down the commands of each operation.
type logged struct {
	*byPeer
	log *commandLog
}

func (l *logged) do(s step) []string {
	l.log.commands = nil
	result := l.byPeer.do(s)
	if s.op != "redis" && len(l.log.commands) > 0 {
		l.log.sequences = append(l.log.sequences, s.op+": "+strings.Join(unordered(l.log.commands), " | "))
	}
	return result
}

// unordered sorts what thoonk.py sends in no order: the fields of a configuration, and the keys that it deletes.
func unordered(commands []string) []string {
	alike := func(c string) bool { return strings.HasPrefix(c, "DEL ") || strings.HasPrefix(c, "HSET feed.config ") }
	for i := 0; i < len(commands); i++ {
		end := i
		for end < len(commands) && alike(commands[end]) {
			end++
		}
		slices.Sort(commands[i:end])
		i = max(i, end-1)
	}
	return commands
}
