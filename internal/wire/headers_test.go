package wire_test

import (
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/catalog"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Every package with vector scripts is listed here, with the folder of its files
// and those of them that are no vector scripts.
var scripted = map[string]struct {
	scripts []*wire.Script
	folder  string
	others  []string
}{
	"catalog": {catalog.Scripts(), "../catalog/lua", nil},
	"feed":    {feed.Scripts(), "../../actors/feed/lua", nil},
	"job":     {job.Scripts(), "../../actors/job/lua", nil},
	"sorted":  {sorted.Scripts(), "../../actors/sorted/lua", []string{"answers"}},
	"queue":   {queue.Scripts(), "../../actors/queue/lua", []string{"check"}},
}

var (
	numberedEntry = regexp.MustCompile(`(?:^|  )(\d+) ([a-z_.]+)`)
	groupSize     = regexp.MustCompile(`^(\d+): `)
	keysBefore    = regexp.MustCompile(`= (\d+) -- the KEYS before`)
	keyIndex      = regexp.MustCompile(`KEYS\[(\d+)\]`)
)

// A script's header says what the calls send: keys, channels, arguments in a
// group.
func TestScriptHeaders(t *testing.T) {
	t.Parallel()
	for kind, p := range scripted {
		files, err := os.ReadDir(p.folder)
		require.NoError(t, err)
		assert.Len(t, p.scripts, len(files)-len(p.others), "%s: a script for each file in lua", kind)
		for _, s := range p.scripts {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				dir, verb := path.Split(s.Name)
				assert.Equal(t, kind+"/", dir)
				text, err := os.ReadFile(path.Join(p.folder, verb+".lua"))
				require.NoError(t, err)
				require.True(t, strings.HasSuffix(s.Source(), string(text)), "the file is what is sent")
				h := header(t, string(text))

				assert.NotEmpty(t, h[""], "purpose")
				assert.NotEmpty(t, h["Returns"])
				keys, own := entries(t, h["KEYS"], 1), entries(t, h["of engine"], len(s.Keys)+1)
				if strings.Contains(h["KEYS"], "and then every") {
					assert.LessOrEqual(t, len(keys), len(s.Keys))
				} else {
					assert.Len(t, keys, len(s.Keys), "KEYS")
				}
				for i, k := range keys {
					assert.Equal(t, string(s.Keys[i]), k+colon(s.Keys[i]), "KEYS[%d]", i+1)
				}
				assert.Len(t, own, len(s.Own), "keys of the engine")
				for i, k := range own {
					assert.Equal(t, string(s.Own[i]), k+":", "KEYS[%d]", len(s.Keys)+i+1)
				}
				ordered := entries(t, h["ordered"], len(s.Keys)+len(s.Own)+1)
				assert.Len(t, ordered, len(s.Ordered), "keys of ordered calls")
				for i, k := range ordered {
					assert.Equal(t, string(s.Ordered[i]), k+":", "KEYS[%d]", len(s.Keys)+len(s.Own)+i+1)
				}
				assert.Equal(t, s.Each != "", h["each"] != "", "each")
				if s.Each != "" {
					assert.Regexp(t, "^"+strings.TrimSuffix(string(s.Each), ":")+`\b`, h["each"])
				}
				if from := keysBefore.FindStringSubmatch(string(text)); from != nil {
					assert.Equal(t, strconv.Itoa(len(s.Keys)+len(s.Own)), from[1], "where the keys of commands begin")
				}
				for _, m := range keyIndex.FindAllStringSubmatch(string(text), -1) {
					n, _ := strconv.Atoi(m[1])
					if s.Each != "" {
						n-- // of one command
					}
					assert.LessOrEqual(t, n, len(s.Keys)+len(s.Own)+len(s.Ordered), "KEYS[%d] is used and not sent", n)
				}

				args := entries(t, h["ARGV"], 1)
				require.NotEmpty(t, args)
				assert.Equal(t, "repeat", args[0])
				assert.Len(t, args[1:], len(s.Channels), "channels")
				for i, c := range args[1:] {
					assert.Equal(t, string(s.Channels[i]), c+colon(s.Channels[i]))
				}
				if s.Group > 0 {
					m := groupSize.FindStringSubmatch(h["groups of"])
					require.NotNil(t, m, "groups of")
					assert.Equal(t, strconv.Itoa(s.Group), m[1], "group")
				} else {
					assert.NotEmpty(t, h["then"])
				}
				assert.Equal(t, strings.Contains(string(text), "'PUBLISH'"), h["Publishes"] != "", "Publishes")
				assert.NotContains(t, string(text), "redis.call('SORT'")
			})
		}
	}
}

func colon(k contract.Key) string {
	if k.Global() {
		return ""
	}
	return ":"
}

// header returns the comment at the top of a script by its labels; the text in
// front of the first label is under "".
func header(t *testing.T, text string) map[string]string {
	t.Helper()
	h := map[string]string{}
	label := ""
	for line := range strings.Lines(text) {
		line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "-- ")
		if !ok {
			return h
		}
		for _, l := range []string{"KEYS", "of engine", "ordered", "each", "ARGV", "groups of", "then", "Returns", "Publishes"} {
			if rest, ok := strings.CutPrefix(line, l+" "); ok && (label != "" || l == "KEYS") {
				label, line = l, rest
				break
			}
		}
		h[label] += strings.TrimSpace(line) + "  "
	}
	return h
}

// entries returns the words behind the numbers first, first+1, …
func entries(t *testing.T, list string, first int) (names []string) {
	t.Helper()
	for i, m := range numberedEntry.FindAllStringSubmatch(list, -1) {
		require.Equal(t, strconv.Itoa(first+i), m[1], "numbers in %q", list)
		names = append(names, m[2])
	}
	return names
}
