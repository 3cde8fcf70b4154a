package wire_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// numbered does with numbers what the scripts do, and answers with those that have not run before. With "look" it only looks.
var numbered = wire.MustScript(fstest.MapFS{"lua/numbered.lua": {Data: []byte(`local ran = redis.call('GET', KEYS[1])
local oldest, newest, fresh = nil, nil, {}
for i = 2, #ARGV do
  local number = tonumber(ARGV[i])
  if not hasRun(ran, number) then
    fresh[#fresh + 1] = ARGV[i]
    oldest, newest = oldest or number, number
  end
end
if newest and ARGV[1] ~= 'look' then
  redis.call('SET', KEYS[1], noteRun(ran, oldest, newest))
end
return fresh`)}}, wire.Script{Name: "test/numbered", Group: 1, Keys: []contract.Key{contract.IDs}})

// TestNumbersThatHaveRun compares what scripts keep of the numbers that have run with all of them. Up to six batches are under
// way; Redis refuses some of their calls; takes, and other names, have numbers in between. When a connection breaks, what was
// under way is repeated: each call that was refused has to run, and none twice. Of what has run long ago, nothing may ever run
// again, for a copy may arrive late.
func TestNumbersThatHaveRun(t *testing.T) {
	t.Parallel()
	srv := redistest.Private(t, redisserver.Options{})
	peer := redistest.Client(t, srv.URL())
	for round := range 10 {
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		key := fmt.Sprint("done:", round)
		next := uint64(1)
		if round%2 == 1 {
			next = 1e15 + rnd.Uint64N(1e6)
		}
		ran := make(map[uint64]bool)
		var history []uint64
		eval := func(how string, numbers []uint64) (fresh []string) {
			args := []any{"EVAL", numbered.Source(), 1, key, how}
			for _, n := range numbers {
				args = append(args, fmt.Sprintf("%016d", n))
			}
			return peer.Strings(args...)
		}
		run := func(what string, numbers []uint64) {
			t.Helper()
			var want []string
			for _, n := range numbers {
				if !ran[n] {
					want = append(want, fmt.Sprintf("%016d", n))
					history = append(history, n)
				}
				ran[n] = true
			}
			if fresh := eval("run", numbers); !slices.Equal(want, fresh) {
				require.Equal(t, want, fresh, "%s, seed %d, round %d, after %v", what, seed, round, peer.String("GET", key))
			}
		}
		for range 60 {
			var under [][]uint64 // calls, in the order in which they were written
			refusing := rnd.IntN(2) == 0
			for range 1 + rnd.IntN(6) {
				next += rnd.Uint64N(4) // other names
				for range 1 + rnd.IntN(3) {
					call := make([]uint64, 1+rnd.IntN(5))
					for i := range call {
						call[i] = next
						next++
					}
					if rnd.IntN(3) == 0 {
						continue // a take
					}
					under = append(under, call)
					if rnd.IntN(3) == 0 {
						refusing = !refusing
					}
					if !refusing {
						run("first", call)
					}
				}
			}
			if rnd.IntN(2) == 0 { // the answers come: what was refused goes again with other numbers
				continue
			}
			for _, call := range under {
				call = slices.DeleteFunc(call, func(uint64) bool { return rnd.IntN(8) == 0 }) // whose callers have left
				if len(call) > 0 {
					run("repeated", call)
				}
			}
			if late := eval("look", history[max(0, len(history)-500):]); len(late) > 0 {
				require.Empty(t, late, "late copies, seed %d, round %d, after %v", seed, round, peer.String("GET", key))
			}
		}
		require.LessOrEqual(t, peer.Int("STRLEN", key), int64(16+700))
	}
}
