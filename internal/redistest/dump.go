package redistest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Scored is a member of a sorted set.
type Scored struct {
	Member string
	Score  float64
}

// Dump returns all keys of a name, feed.*:name and feed.*:name:…, with their values:
//
//	string      string
//	list        []string, head first
//	hash        map[string]string
//	set         []string, sorted
//	sorted set  []Scored, lowest first
//
// It is not a snapshot: call it when nobody writes. It walks over the whole server.
func (r *Raw) Dump(name string) map[string]any {
	r.t.Helper()
	dump := map[string]any{}
	for _, key := range r.Keys(name) {
		if v := r.Value(key); v != nil { // nil: it expired since
			dump[key] = v
		}
	}
	return dump
}

// Keys returns the names of all keys of a name, sorted.
func (r *Raw) Keys(name string) []string {
	r.t.Helper()
	wire := globEscaper.Replace(name)
	if r.cluster != nil {
		wire = "{" + wire + "}"
	}
	found := map[string]bool{} // SCAN may answer with a key twice
	r.each(func() {
		for _, pattern := range []string{"feed.*:" + wire, "feed.*:" + wire + ":*"} {
			for _, key := range r.scan(pattern) {
				found[key] = true
			}
		}
	})
	return slices.Sorted(maps.Keys(found))
}

// scan walks over all keys of one server.
func (r *Raw) scan(pattern string) (found []string) {
	r.t.Helper()
	for cursor := "0"; ; {
		page, _ := r.Do("SCAN", cursor, "MATCH", []byte(pattern), "COUNT", 1000).([]any)
		if len(page) != 2 {
			r.t.Fatal("redis peer: SCAN: not a cursor and keys")
		}
		keys, _ := page[1].([]any)
		found = append(found, asStrings(keys)...)
		if cursor, _ = page[0].(string); cursor == "0" {
			return found
		}
	}
}

// Value returns the value of one key as Dump does, nil if there is no such key.
func (r *Raw) Value(key string) any {
	r.t.Helper()
	switch kind := r.String("TYPE", key); kind {
	case "none":
		return nil
	case "string":
		return r.Do("GET", key)
	case "list":
		return r.Strings("LRANGE", key, 0, -1)
	case "hash":
		flat := r.Strings("HGETALL", key)
		m := make(map[string]string, len(flat)/2)
		for pair := range slices.Chunk(flat, 2) {
			m[pair[0]] = pair[1]
		}
		return m
	case "set":
		members := r.Strings("SMEMBERS", key)
		slices.Sort(members)
		return members
	case "zset":
		flat := r.Strings("ZRANGE", key, 0, -1, "WITHSCORES")
		members := make([]Scored, 0, len(flat)/2)
		for pair := range slices.Chunk(flat, 2) {
			score, err := strconv.ParseFloat(pair[1], 64)
			if err != nil {
				r.t.Fatalf("redis peer: score of %s: %v", key, err)
			}
			members = append(members, Scored{pair[0], score})
		}
		return members
	default:
		r.t.Fatalf("redis peer: key %s has type %s", key, kind)
		return nil
	}
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)
