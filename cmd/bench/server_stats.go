package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mediocregopher/radix/v4"
)

// commands are how many calls of each command the server has counted, those that scripts made included; nil if it does
// not count. A subcommand counts for its command.
func (s *server) commands() map[string]int64 {
	text, err := s.info.Do("INFO", "commandstats")
	if err != nil {
		return nil
	}
	var calls map[string]int64
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		digits, _, _ := strings.Cut(rest, ",")
		n, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil {
			continue
		}
		if calls == nil {
			calls = make(map[string]int64)
		}
		name, _, _ = strings.Cut(name, "|")
		calls[name] += n
	}
	return calls
}

// since is how many calls of the given commands were made between two counts.
func since(before, after map[string]int64, names ...string) (n int64) {
	for _, name := range names {
		n += after[name] - before[name]
	}
	return n
}

// connections is how many clients the server has; -1 if it does not tell.
func (s *server) connections() int {
	n, err := strconv.Atoi(s.figure("clients", "connected_clients"))
	if err != nil {
		return -1
	}
	return n
}

// sweep deletes the keys of names that have the name of an engine too: Delete leaves them to expire.
func (s *server) sweep(ctx context.Context, names []string) error {
	if len(names) == 0 || s.kind != kindURL { // the others end with us
		return nil
	}
	conn, err := dialer(s.endpoint).Dial(ctx, s.endpoint.Network, s.endpoint.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	keys, err := s.keys(ctx, "feed.*:bench:*:*")
	ours := slices.DeleteFunc(keys, func(key string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(key, ":"+n+":") })
	})
	if err != nil || len(ours) == 0 {
		return err
	}
	return conn.Do(ctx, radix.Cmd(nil, "DEL", ours...))
}

// keys are those that match a pattern.
func (s *server) keys(ctx context.Context, pattern string) ([]string, error) {
	conn, err := dialer(s.endpoint).Dial(ctx, s.endpoint.Network, s.endpoint.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	scan := radix.ScannerConfig{Command: "SCAN", Pattern: pattern, Count: 5000}.New(conn)
	seen := make(map[string]bool) // SCAN may name a key twice
	var key string
	for scan.Next(ctx, &key) {
		seen[key] = true
	}
	return slices.Collect(maps.Keys(seen)), scan.Close()
}
