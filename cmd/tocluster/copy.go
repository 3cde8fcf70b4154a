package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediocregopher/radix/v4"
	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/topology"
)

// copied is what was done.
type copied struct{ names, keys int }

func run(ctx context.Context, from, to string, replace bool) (done copied, err error) {
	source, err := open(ctx, "-from", from, false)
	if err != nil {
		return done, err
	}
	defer source.Close()
	target, err := open(ctx, "-to", to, true)
	if err != nil {
		return done, err
	}
	defer target.Close()
	names, err := readNames(ctx, source)
	if err != nil {
		return done, err
	}
	for key, err := range scan(ctx, source) {
		if err != nil {
			return done, err
		}
		name, rest, ours := split(key, names)
		if !ours {
			continue
		}
		kind, _, _ := strings.Cut(key, ":")
		if err := copyKey(ctx, source, target, key, kind+":"+contract.Tagged.Wire(name)+rest, replace); err != nil {
			return done, fmt.Errorf("%s: %w", key, err)
		}
		done.keys++
	}
	for name := range names { // last: a name that is listed is complete
		if err := target.Do(ctx, radix.Cmd(nil, "SADD", string(contract.Feeds), contract.Tagged.Wire(name))); err != nil {
			return done, err
		}
		done.names++
	}
	return done, nil
}

func open(ctx context.Context, flag, url string, cluster bool) (*topology.Network, error) {
	at, err := topology.Parse(url)
	if err == nil && cluster != (at.Kind == topology.Cluster) {
		err = errors.New("the source cannot be a cluster, and the target must be one")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	n, err := topology.Open(ctx, topology.Config{
		At: at, Connections: 1, DialTimeout: 5 * time.Second, Timeout: 5 * time.Second, Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return n, nil
}

// readNames reads the names, and finds those that a cluster cannot have.
func readNames(ctx context.Context, source *topology.Network) (map[string]bool, error) {
	var list []string
	if err := source.Do(ctx, radix.Cmd(&list, "SMEMBERS", string(contract.Feeds))); err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(list))
	var problems []error
	for _, name := range list {
		names[name] = true
		if err := contract.Tagged.Check(name); err != nil {
			problems = append(problems, fmt.Errorf("%q: %w", name, err))
		}
	}
	return names, errors.Join(problems...)
}

// scan ranges over the keys that may belong to a name, each at least once.
func scan(ctx context.Context, source *topology.Network) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		seen := make(map[string]bool)
		for cursor := ""; cursor != "0"; {
			page := radix.Tuple{&cursor, new([]string)}
			if cursor == "" {
				cursor = "0"
			}
			keys := page[1].(*[]string)
			if err := source.Do(ctx, radix.Cmd(&page, "SCAN", cursor, "MATCH", "feed.*", "COUNT", "1000")); err != nil {
				yield("", err)
				return
			}
			for _, k := range *keys {
				if !seen[k] {
					seen[k] = true
					if !yield(k, nil) {
						return
					}
				}
			}
		}
	}
}

// split finds the name that a key belongs to, and what follows it: the id of a result. What only engines that run
// need, and what belongs to nobody, is not ours to copy.
func split(key string, names map[string]bool) (name, rest string, ours bool) {
	kind, of, ok := contract.SplitChannel(key)
	switch {
	case !ok:
	case kind == contract.Result:
		for i := len(of) - 1; i > 0; i-- { // the longest name counts; an id may contain a colon
			if of[i] == ':' && names[of[:i]] {
				return of[:i], of[i:], true
			}
		}
	case kind == contract.Maintenance || kind == contract.Waiters:
	case slices.Contains(contract.Owned, kind):
		return of, "", names[of]
	}
	return "", "", false
}

// copyKey copies one key with the time that it has to live.
func copyKey(ctx context.Context, source, target *topology.Network, from, to string, replace bool) error {
	var dump []byte
	var ttl int64
	if err := source.Do(ctx, radix.Cmd(&ttl, "PTTL", from)); err != nil {
		return err
	}
	if err := source.Do(ctx, radix.Cmd(&dump, "DUMP", from)); err != nil {
		return err
	}
	if dump == nil {
		return nil // it has expired
	}
	args := []string{to, strconv.FormatInt(max(ttl, 0), 10), string(dump)}
	if replace {
		args = append(args, "REPLACE")
	}
	return target.Do(ctx, radix.Cmd(nil, "RESTORE", args...))
}
