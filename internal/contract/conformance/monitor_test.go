package conformance

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// TestMonitor compares what docs/CONTRACT.md shows as recorded with what MONITOR sees: the writes to the contract's keys,
// and the messages. What the engine reads before, and its own keys, may change. With -v it prints what the page has to show.
func TestMonitor(t *testing.T) {
	t.Parallel()
	url := redistest.Private(t, redisserver.Options{}).URL() // nobody else is on it
	page, err := os.ReadFile("../../../docs/CONTRACT.md")
	require.NoError(t, err)
	for _, s := range []struct {
		title string
		steps []step
	}{
		{"publish", []step{
			{op: "feed.publish", args: []string{"7", "hello"}},
		}},
		{"job", []step{
			{op: "job.put", args: []string{"-", "hello"}},
			{op: "job.get"},
			{op: "job.finish", args: []string{"<id1>", "done"}},
		}},
	} {
		kind, _, _ := strings.Cut(s.steps[0].op, ".")
		for _, who := range []string{"engine", "thoonk.py"} {
			eng := openEngine(t, engine.Config{URL: url, Connections: 1})
			var lines []string
			for range 2 { // the first time Redis gets to know the scripts
				w := &world{t: t, name: redistest.Name(t), raw: redistest.Client(t, url), ids: map[string]string{}}
				var sys system = newByEngine(w, eng)
				if who != "engine" {
					sys = newByPeer(w, redistest.Client(t, url).DoErr, peer.ThoonkPy)
				}
				sys.do(step{op: "create", args: []string{string(kinds[kind])}})
				lines = monitored(t, url, w, func() {
					for _, st := range s.steps {
						st.args = slices.Clone(st.args)
						for i := range st.args {
							st.args[i] = w.actual(st.args[i])
						}
						for _, word := range sys.do(st) {
							w.placeholders(word)
						}
					}
				})
			}
			t.Logf("%s by %s:\n\n```\n%s\n```\n", s.title, who, strings.Join(lines, "\n"))
			_, block, _ := strings.Cut(string(page), fmt.Sprintf("<!-- %s by %s -->\n\n```\n", s.title, who))
			block, _, _ = strings.Cut(block, "```")
			assert.Equal(t, changes(lines), changes(strings.Split(block, "\n")), "docs/CONTRACT.md shows another %s by %s", s.title, who)
		}
	}
}

// changes are the lines that change something for peers.
func changes(lines []string) (list []string) {
	reads := regexp.MustCompile(`^(EVALSHA|WATCH|TIME|PEXPIRE|EXISTS|TYPE|[A-Z]*(LEN|CARD|GET|SCORE|RANGE|ISMEMBER|INDEX|RANK)) |^$`)
	for _, l := range lines {
		l = strings.TrimSpace(l)
		own := slices.ContainsFunc(ours, func(k contract.Key) bool { return strings.Contains(l, " "+k.Of("X")) })
		if !own && !reads.MatchString(l) {
			list = append(list, l)
		}
	}
	return list
}

var (
	stamp   = regexp.MustCompile(`^\+?[0-9.]+ \[(\d+) ([^\]]*)\] `)
	numbers = regexp.MustCompile(`\b\d{13}(\.\d+)?\b`)
	floats  = regexp.MustCompile(`\b\d{10}\.\d+\b`)
	sums    = regexp.MustCompile(`\b[0-9a-f]{40}\b`)
	done    = regexp.MustCompile(`^(SET feed\.done:\S+) \d+`)
	counter = regexp.MustCompile(`\b0{3,}\d+\b`)
)

// monitored is what MONITOR tells of a name while act runs, without what differs each time.
func monitored(t *testing.T, url string, w *world, act func()) (lines []string) {
	t.Helper()
	conn, err := net.Dial("unix", strings.SplitN(strings.TrimPrefix(url, "unix://"), "?", 2)[0])
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	fmt.Fprint(conn, "MONITOR\r\n")
	r := bufio.NewReader(conn)
	ok, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "+OK\r\n", ok)
	act()
	w.raw.Do("ECHO", "the end of "+w.name)
	for {
		l, err := r.ReadString('\n')
		require.NoError(t, err)
		if strings.Contains(l, "the end of "+w.name) {
			return lines
		}
		at := stamp.FindStringSubmatch(l)
		script := at != nil && at[2] == "lua"
		l = strings.TrimSpace(stamp.ReplaceAllString(l, ""))
		if !strings.Contains(l, w.name) && !strings.HasPrefix(l, `"MULTI"`) && !strings.HasPrefix(l, `"EXEC"`) {
			continue
		}
		l = show(w, l)
		if script {
			l = "  " + l
		}
		lines = append(lines, l)
	}
}

// show is a command as the page has it.
func show(w *world, l string) string {
	words, err := words(l)
	if err != nil {
		return l
	}
	l = line("", words...)[1:]
	l = strings.ReplaceAll(w.placeholders(l), "<X>", "X")
	l = numbers.ReplaceAllString(l, "<ms>")
	l = floats.ReplaceAllString(l, "<s>")
	l = sums.ReplaceAllString(l, "<sha>")
	l = counter.ReplaceAllString(l, "<number>")
	l = done.ReplaceAllString(l, "$1 <number>")
	return strings.NewReplacer("<id1>", "<id>", "<id2>", "E").Replace(l)
}
