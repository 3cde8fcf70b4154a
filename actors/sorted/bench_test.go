package sorted_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// BenchmarkLength shows what a call costs in lists of 1,000, 100,000 and 1,000,000 items of
// 100 bytes, one caller: ns/op is what the caller waits, redis-µs/op the CPU time of
// the server.
//
//	go test -run '^$' -bench Length -benchtime 200x -count 5 ./actors/sorted
func BenchmarkLength(b *testing.B) {
	ctx, body := context.Background(), []byte(strings.Repeat("x", 100))
	srv := redistest.Private(b, redisserver.Options{})
	eng, err := engine.Open(ctx, engine.Config{URL: srv.URL()})
	require.NoError(b, err)
	defer eng.Close(ctx)
	peer := redistest.Client(b, srv.URL())
	for _, size := range []int{1_000, 100_000, 1_000_000} {
		s := &bench{name: strconv.Itoa(size), peer: peer}
		s.Sorted, err = eng.Sorted(ctx, s.name, sorted.Config{})
		require.NoError(b, err)
		s.fill(size, string(body))
		middle := strconv.Itoa(size / 2)
		anyID := func() string { return strconv.Itoa(1 + rand.IntN(size)) }
		order := rand.Perm(size)
		for _, call := range []struct {
			name string
			do   func() error
		}{
			{"append", func() error { _, err := s.Append(ctx, body); return err }},
			{"insert-before-middle", func() error { _, err := s.Insert(ctx, body, sorted.Before(middle)); return err }},
			{"edit", func() error { return s.Edit(ctx, anyID(), body) }},
			{"move-to-end", func() error { return s.Move(ctx, anyID(), sorted.Last) }},
			{"move-beside", func() error { return s.Move(ctx, anyID(), sorted.After(anyID())) }},
			{"index", func() error { _, err := s.Index(ctx, anyID()); return err }},
			{"retract", func() error { err := s.Retract(ctx, strconv.Itoa(1+order[0])); order = order[1:]; return err }},
		} {
			b.Run(fmt.Sprintf("%s/%d", call.name, size), func(b *testing.B) {
				before := cpuTime(b, peer)
				for b.Loop() {
					if err := call.do(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric((cpuTime(b, peer)-before)/float64(b.N), "redis-µs/op")
			})
		}
	}
}

// cpuTime is how long the server has worked, in µs.
func cpuTime(b *testing.B, peer *redistest.Raw) float64 {
	used := peer.Info("cpu")
	sum := 0.0
	for _, field := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(used[field], 64)
		require.NoError(b, err)
		sum += seconds
	}
	return 1e6 * sum
}
