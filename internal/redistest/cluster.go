package redistest

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
)

// slots are who serves what in a cluster, as it was when the peer connected.
type slots struct {
	addrs []string // of the primaries
	first []int64  // of each range of slots
	last  []int64
	owner []int // of each range: into addrs
}

func readSlots(t testing.TB, ep endpoint) *slots {
	t.Helper()
	n := dialNode(t, ep)
	defer n.conn.Close()
	replies, err := n.exchange([][]any{{"CLUSTER", "SLOTS"}})
	if err != nil {
		t.Fatalf("redis peer: CLUSTER SLOTS: %v", err)
	}
	list, _ := replies[0].([]any)
	s := &slots{}
	for _, r := range list {
		fields := r.([]any)
		primary := fields[2].([]any)
		addr := net.JoinHostPort(fmt.Sprint(primary[0]), fmt.Sprint(primary[1]))
		i := slices.Index(s.addrs, addr)
		if i < 0 {
			i = len(s.addrs)
			s.addrs = append(s.addrs, addr)
		}
		s.first, s.last, s.owner = append(s.first, fields[0].(int64)), append(s.last, fields[1].(int64)), append(s.owner, i)
	}
	if len(s.addrs) == 0 {
		t.Fatalf("redis peer: CLUSTER SLOTS: %v", replies[0])
	}
	return s
}

func (s *slots) of(key string) int {
	slot := int64(redisserver.Slot(key))
	for i := range s.owner {
		if slot >= s.first[i] && slot <= s.last[i] {
			return s.owner[i]
		}
	}
	return 0
}

// route has the commands as they go over the wire, and chooses the node. The caller holds mu.
func (r *Raw) route(cmds [][]any) [][]any {
	if r.cluster == nil {
		return cmds
	}
	out := make([][]any, len(cmds))
	chosen := false
	for i, args := range cmds {
		out[i] = make([]any, len(args))
		for j, arg := range args {
			out[i][j] = arg
			if args[0] == "SCAN" {
				continue
			}
			s := string(argBytes(arg))
			key := j > 0 && (keys.MatchString(s) || j == 1 && s == string(contract.Feeds))
			switch {
			case key:
				s = tagged(s)
				out[i][j] = s
			case j > 1 && string(argBytes(args[1])) == string(contract.Feeds) && strings.HasPrefix(args[0].(string), "S"):
				out[i][j] = "{" + s + "}" // a member
			case j == 2 && aboutNames(string(argBytes(args[1]))):
				name, rest, _ := strings.Cut(s, "\x00")
				out[i][j] = "{" + name + "}\x00" + rest
			}
			if key && !chosen {
				chosen = true
				r.node = r.nodes[r.cluster.of(s)]
			}
		}
	}
	return out
}

// forAll reports whether a command is for every primary.
func forAll(args []any) bool {
	switch args[0] {
	case "SCRIPT", "CONFIG", "FLUSHALL", "CLIENT":
		return true
	}
	return false
}

// each runs f with every primary as the node that commands without keys go to.
func (r *Raw) each(f func()) {
	for _, n := range r.nodes {
		r.mu.Lock()
		r.node = n
		r.mu.Unlock()
		f()
	}
}

func aboutNames(channel string) bool {
	switch contract.Key(channel) {
	case contract.NewFeed, contract.DelFeed, contract.ConfFeed:
		return true
	}
	return false
}

// keys are keys and channels of a name.
var (
	keys    = regexp.MustCompile(`^(feed|job)\.[a-z.]+:`)
	unnamed = regexp.MustCompile(`^feed\.(wake|snapshot|probe):`)
	twoPart = regexp.MustCompile(`^(feed\.(?:done|answers|taken|taken\.b|result):)(.*)(:[^:]*)$`)
)

// tagged puts the name in a key into braces.
func tagged(key string) string {
	if unnamed.MatchString(key) || key == string(contract.Feeds) {
		return key
	}
	if m := twoPart.FindStringSubmatch(key); m != nil {
		return m[1] + "{" + m[2] + "}" + m[3]
	}
	at := strings.IndexByte(key, ':') + 1
	return key[:at] + "{" + key[at:] + "}"
}

// bare is the opposite.
func bare(key string) string {
	if !keys.MatchString(key) || !strings.Contains(key, ":{") {
		return key
	}
	key = strings.Replace(key, ":{", ":", 1)
	end := strings.LastIndexByte(key, '}')
	return key[:end] + key[end+1:]
}

// bareName takes the braces off what may be a name, or the payload of a message about one.
func bareName(s string) string {
	if name, rest, ok := strings.Cut(s, "}"); ok && strings.HasPrefix(name, "{") {
		return name[1:] + rest
	}
	return s
}

// untagged is a reply as the test expects it: keys, and members of the set of names.
func untagged(cmd []any, reply any) any {
	verb, _ := cmd[0].(string)
	names := len(cmd) > 1 && cmd[1] == string(contract.Feeds)
	var strip func(any) any
	strip = func(v any) any {
		switch v := v.(type) {
		case string:
			if names {
				return bareName(v)
			}
			return bare(v)
		case []any:
			out := make([]any, len(v))
			for i := range v {
				out[i] = strip(v[i])
			}
			return out
		}
		return v
	}
	switch verb {
	case "SCAN", "KEYS", "BRPOP", "BLPOP":
		return strip(reply)
	}
	if names {
		return strip(reply)
	}
	return reply
}
