package conformance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// TestSeededBugs holds the mixed tests to what they are for: a script with a bug in it has to be found. The engines get
// the bug from a proxy, which asks for another script than they do.
func TestSeededBugs(t *testing.T) {
	t.Parallel()
	redistest.Shared(t).NeedSingle(t, "puts its bugs into the requests to one server")
	units := func(m *mix) { mixedUnits(m, peer.ThoonkPy) }
	list := func(m *mix) { mixedSorted(m, false) }
	for _, bug := range []struct {
		script, old, new string
		run              func(*mix)
		finds            string
	}{
		{"feed/publish", "length + added - bound", "length + added - bound - 1", units, "the bound holds"},
		{"feed/publish", "  redis.call('HDEL', items, unpack(victims))\n", "", mixedFeed, "each id has an item"},
		{"feed/publish", "  if action[i] then\n    redis.call('PUBLISH'", "  if action[i] == 1 then\n    redis.call('PUBLISH'", mixedFeed, "each publish is told"},
		{"feed/publish", "seconds = newest < 1e11", "seconds = false", units, "a feed in seconds stays so"},
		{"feed/publish", "redis.call('INCRBY', publishes, groups - done)", "redis.call('GET', publishes)", mixedFeed, "each publish is counted"},
		{"sorted/move", "  redis.call('LREM', ids, 1, id)\n", "", list, "an id is in the list once"},
		{"sorted/insert", "redis.call('HSET', items, unpack(values))", "redis.call('HLEN', items)", list, "what is in the list has an item"},
		{"queue/take", "    redis.call('HDEL', items, unpack(gone))\n", "", mixedQueue, "an item is taken once"},
		{"job/finish", "good and holders[i] == ARGV[3 * i + 2] then", "true then", mixedJobs, "only the claimant ends a job"},
		{"job/finish", "redis.call('INCRBY', KEYS[6], distinct)", "redis.call('INCRBY', KEYS[6], 1 + #ended)", mixedJobs, "each finish is counted"},
	} {
		t.Run(bug.script+" "+bug.finds, func(t *testing.T) {
			t.Parallel()
			m := newMix(t, mutant(t, bug.script, bug.old, bug.new), 800)
			m.patience = 2 * time.Second
			bug.run(m)
			m.mu.Lock()
			defer m.mu.Unlock()
			found := slices.ContainsFunc(m.violations, func(v string) bool { return strings.HasPrefix(v, bug.finds) })
			assert.True(t, found, "the bug was not found; what was: %.3000v", m.violations)
			t.Logf("%d violations, such as %.200s", len(m.violations), strings.Join(m.violations[:min(1, len(m.violations))], ""))
		})
	}
}

// mutant is the URL of a server on which one script has a bug.
func mutant(t testing.TB, name, old, with string) string {
	t.Helper()
	target := redistest.Shared(t)
	raw := redistest.Client(t, target.URL())
	for _, s := range slices.Concat(feed.Scripts(), sorted.Scripts(), queue.Scripts(), job.Scripts()) {
		if s.Name == name {
			return rewriting(t, target, s, raw.String("SCRIPT", "LOAD", strings.Replace(mustHave(t, s, old), old, with, 1)))
		}
	}
	t.Fatalf("there is no script %s", name)
	return ""
}

func mustHave(t testing.TB, s *wire.Script, part string) string {
	t.Helper()
	require.Contains(t, s.Source(), part, "%s has changed: seed another bug", s.Name)
	return s.Source()
}

// rewriting is a proxy to the target that has another script run in the place of one.
func rewriting(t testing.TB, target *redistest.Target, s *wire.Script, sha string) string {
	t.Helper()
	u, err := url.Parse(target.URL())
	require.NoError(t, err)
	network, addr := target.Addr()
	var l net.Listener
	if network == "unix" {
		u.Path = filepath.Join(t.TempDir(), "s")
		l, err = net.Listen("unix", u.Path)
	} else {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
			u.Host = l.Addr().String()
		}
	}
	require.NoError(t, err)
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait() // the engines have closed their connections
	})
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, addr)
			if err != nil {
				_ = client.Close()
				continue
			}
			all.Go(func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			})
			all.Go(func() {
				_ = rewrite(server, client, s.SHA(), sha)
				_ = server.Close()
			})
		}
	})
	return u.String()
}

// rewrite passes requests on, with another word for each that is old.
func rewrite(to io.Writer, from io.Reader, old, with string) error {
	r, w := bufio.NewReader(from), bufio.NewWriter(to)
	number := func(kind byte) (int, error) {
		line, err := r.ReadString('\n')
		if err != nil || line[0] != kind {
			return 0, fmt.Errorf("no request: %q %w", line, err)
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	for {
		n, err := number('*')
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "*%d\r\n", n)
		for range n {
			size, err := number('$')
			if err != nil {
				return err
			}
			word := make([]byte, size+2)
			if _, err := io.ReadFull(r, word); err != nil {
				return err
			}
			if string(word[:size]) == old {
				word = append([]byte(with), "\r\n"...)
			}
			fmt.Fprintf(w, "$%d\r\n%s", len(word)-2, word)
		}
		if r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}
