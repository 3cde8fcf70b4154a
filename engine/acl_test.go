package engine_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// rights are what docs/SECURITY.md says that a user needs with one server: rows of its tables.
func rights(t testing.TB) map[string][]string {
	t.Helper()
	rows, _ := documented(t)
	require.Len(t, rows, 13)
	return rows
}

// documented reads the tables of docs/SECURITY.md: what a user needs with one server, and more for what is beyond.
func documented(t testing.TB) (one, beyond map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("../docs/SECURITY.md")
	require.NoError(t, err)
	first, second, found := strings.Cut(string(text), "| beyond one server |")
	require.True(t, found)
	row := regexp.MustCompile("(?m)^\\| (.+) \\| `([~&+][^`]+)` \\|$")
	read := func(text string) map[string][]string {
		rows := map[string][]string{}
		for _, m := range row.FindAllStringSubmatch(text, -1) {
			rows[m[1]] = strings.Fields(strings.ReplaceAll(m[2], `\|`, "|"))
		}
		return rows
	}
	return read(first), read(second)
}

// The commands in the scripts are those of the documentation, no more and no less.
func TestRightsOfScripts(t *testing.T) {
	t.Parallel()
	rows := rights(t)
	// What is sent beside scripts, and check.lua, which is no vector script.
	beside := []string{"+ping", "+evalsha", "+eval", "+brpop", "+type"}
	literal := regexp.MustCompile(`'([A-Z]{3,})'`)
	for kind, scripts := range map[string][]*wire.Script{
		"feeds": feed.Scripts(), "sorted feeds": sorted.Scripts(), "queues": queue.Scripts(), "job sets": job.Scripts(),
	} {
		used := map[string]bool{}
		for _, s := range scripts {
			for line := range strings.Lines(s.Source()) {
				code, _, _ := strings.Cut(line, "--")
				for _, m := range literal.FindAllStringSubmatch(code, -1) {
					used["+"+strings.ToLower(m[1])] = true
				}
			}
		}
		for _, word := range []string{"withscores", "before", "after", "count", "limit", "maxlen"} {
			delete(used, "+"+word) // arguments
		}
		documented := slices.Concat(rows["all"], rows[kind], rows["following anything, waiting for results"])
		for c := range used {
			assert.Contains(t, documented, c, "%s: not in the documentation", kind)
		}
		for _, c := range rows[kind] {
			assert.True(t, used[c] || slices.Contains(beside, c), "%s: %s is documented and not used", kind, c)
		}
	}
}

// A user with the documented rights can do everything.
func TestRightsSuffice(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{Port: -1})
	rows := rights(t)
	var all []string
	for _, rule := range rows {
		all = append(all, rule...)
	}
	admin := redistest.Client(t, srv.URL())
	grant(admin, "whole", all...)
	g := newTour(t, srv, "whole", "/3")
	g.everything()
	assert.Zero(t, g.logs.FilterMessageSnippet("ailed").Len())
	assert.Empty(t, g.errors)
	assert.Empty(t, g.logs.FilterLevelExact(zapcore.ErrorLevel).All())
	nothingDenied(t, admin)

	// A user confined to names that begin with "shop.".
	confined := slices.Concat(all, []string{"resetkeys", "resetchannels", "~feeds", "~feed.*:shop.*", "~feed.wake:*", "&newfeed", "&delfeed", "&conffeed",
		"&feed.*:shop.*", "&feed.publish:shop.*", "&feed.edit:shop.*", "&feed.retract:shop.*", "&job.*:shop.*", "&feed.snapshot:*", "&feed.probe:*"})
	grant(admin, "confined", confined...)
	g = newTour(t, srv, "confined", "")
	g.everything()
	assert.Empty(t, g.errors)
	nothingDenied(t, admin)
	_, err := g.eng.Feed(g.ctx, "other", feed.Config{})
	assert.ErrorContains(t, err, "NOPERM")
	require.NoError(t, g.eng.Close(context.Background()))
	admin.Do("ACL", "LOG", "RESET")

	// Users who have the commands of one type only.
	for kind, visit := range map[string]func(*tour){"feeds": (*tour).feeds, "sorted feeds": (*tour).sorted, "queues": (*tour).queues, "job sets": (*tour).jobs} {
		user := strings.ReplaceAll(kind, " ", "-")
		grant(admin, user, slices.Concat(rows["keys"], rows["channels"], rows["all"], rows["the version of the server, which Open checks if it can"],
			rows["ending a connection that was lost, so that nothing arrives late on it; with `+info`"], rows["following anything, waiting for results"], rows[kind])...)
		g := newTour(t, srv, user, "")
		visit(g)
		assert.Empty(t, g.errors, kind)
		nothingDenied(t, admin)
		require.NoError(t, g.eng.Close(context.Background()))
	}
}

// Beyond one server the documented rights suffice too, and nothing else is tried.
func TestRightsBeyondOneServer(t *testing.T) {
	t.Parallel()
	one, beyond := documented(t)
	require.Len(t, beyond, 3)
	rules := slices.Concat(slices.Collect(maps.Values(one))...)
	rules = slices.DeleteFunc(rules, func(r string) bool { return r == "+select" })
	rules = append(rules, beyond["`WaitReplicas`"]...)
	as := func(url string) string { return strings.Replace(url, "://", "://app:secret@", 1) }

	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := redistest.PrivateCluster(t, redisserver.ClusterOptions{NodeTimeout: unhurried})
		user(t, c.Nodes(), "app", slices.Concat(rules, beyond["a cluster, on every node"])...)
		everythingWorks(t, engine.Config{URL: as(c.URL()), WaitReplicas: 1})
		unoffended(t, c.Nodes())
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s := redistest.PrivateSentinel(t, redisserver.SentinelOptions{})
		user(t, s.Servers(), "app", rules...)
		user(t, s.Sentinels(), "watcher", beyond["sentinels: a user of theirs, for `sentinel_user=`"]...)
		everythingWorks(t, engine.Config{URL: as(s.URL()) + "?sentinel_user=watcher&sentinel_password=secret", WaitReplicas: 1})
		unoffended(t, slices.Concat(s.Servers(), s.Sentinels()))
	})
}

// user adds a user to servers.
func user(t *testing.T, servers []*redisserver.Server, name string, rules ...string) {
	t.Helper()
	for _, srv := range servers {
		require.NoError(t, srv.Do(t.Context(), nil, "ACL", append([]string{"SETUSER", name, "reset", "on", ">secret"}, rules...)...))
	}
}

// unoffended fails if a server has denied anything.
func unoffended(t *testing.T, servers []*redisserver.Server) {
	t.Helper()
	for _, srv := range servers {
		var denied []any
		require.NoError(t, srv.Do(t.Context(), &denied, "ACL", "LOG"))
		assert.Empty(t, denied, "something was denied")
	}
}

// Whatever right a user lacks: an error or a log entry names it, and nobody waits or
// tries in vain for long.
func TestRightsMissing(t *testing.T) {
	t.Parallel()
	rows := rights(t)
	var all, each []string
	for _, rule := range rows {
		all = append(all, rule...)
		for _, r := range rule {
			if r[0] == '+' && !slices.Contains([]string{"+ping", "+select", "+info", "+client|id", "+client|kill"}, r) { // Open tells the first two, and does without the others
				each = append(each, r)
			}
		}
	}
	slices.Sort(each)
	each = slices.Compact(each)
	each = append(each, "~feeds", "~feed.*", "&feed.*", "&job.*", "&newfeed", "&delfeed", "&conffeed")
	for _, lacks := range each {
		t.Run(lacks[1:], func(t *testing.T) {
			t.Parallel()
			srv := redistest.Private(t, redisserver.Options{Port: -1})
			admin := redistest.Client(t, srv.URL())
			grant(admin, "part", slices.DeleteFunc(slices.Clone(all), func(r string) bool { return r == lacks })...)
			g := newTour(t, srv, "part", "")
			g.everything()
			g.eng.Close(context.Background())
			told := false
			for _, err := range g.errors {
				assert.NotErrorIs(t, err, context.DeadlineExceeded, "somebody waited in vain")
				told = told || names(err.Error(), lacks)
				var refused *engine.RefusedError
				if strings.Contains(err.Error(), "NOPERM") {
					// Configure has stored something by then: its error wraps only that the outcome is unknown.
					assert.True(t, errors.As(err, &refused) || errors.Is(err, pubsubhub.ErrRefused) || errors.Is(err, engine.ErrOutcomeUnknown), "%v", err)
				}
			}
			for _, entry := range g.logs.All() {
				told = told || names(entry.ContextMap(), lacks)
			}
			if !told {
				t.Errorf("nothing names %s:", lacks)
				for _, err := range g.errors {
					t.Log(err)
				}
				for _, entry := range g.logs.All() {
					t.Log(entry.Message, entry.ContextMap())
				}
			}
			n, err := strconv.Atoi(admin.Info("stats")["total_error_replies"])
			require.NoError(t, err)
			assert.Less(t, n, len(g.errors)+150, "it spins")
		})
	}
}

// names reports whether a message is about a right: it names the command, the
// channel, or the script whose keys these are.
func names(message any, right string) bool {
	text := strings.ToLower(strings.ReplaceAll(errorText(message), "\n", " "))
	if !strings.Contains(text, "noperm") {
		return false
	}
	word := strings.TrimRight(right[1:], "*")
	switch {
	case right[0] == '+' && (word == "zscan" || word == "sscan"):
		// The name of the command is a variable there.
		return strings.Contains(text, word) || strings.Contains(text, "redis.call(scan, key")
	case right[0] == '+':
		return regexp.MustCompile(`'` + word + `'`).MatchString(text)
	default:
		return strings.Contains(text, word) // of a pattern
	}
}

func errorText(v any) string {
	if m, ok := v.(map[string]any); ok {
		s, _ := m["error"].(string)
		return s
	}
	return v.(string)
}

func nothingDenied(t *testing.T, admin *redistest.Raw) {
	t.Helper()
	assert.Empty(t, admin.Do("ACL", "LOG", "1"), "something was denied")
}

func grant(admin *redistest.Raw, user string, rules ...string) {
	args := []any{"ACL", "SETUSER", user, "reset", "on", ">secret"}
	for _, r := range rules {
		args = append(args, r)
	}
	admin.Do(args...)
}

// open as a user.
func newTour(t *testing.T, srv *redisserver.Server, user, path string) *tour {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	g := &tour{t: t, ctx: ctx, logs: logs, prefix: "shop." + user + ".", admin: redistest.Client(t, srv.URL())}
	if path != "" {
		g.admin.Do("SELECT", path[1:])
	}
	url := strings.Replace(srv.TCPURL(), "redis://", "redis://"+user+":secret@", 1) + path
	g.eng = open(t, engine.Config{
		URL: url, CheckEvery: 250 * time.Millisecond, Lease: time.Second, DrainTimeout: 50 * time.Millisecond,
		Logger: zap.New(core),
	})
	return g
}
