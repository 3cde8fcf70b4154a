//go:build linux

package chaos

import (
	"context"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/chaos/audit"
	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
	"github.com/thoonk-go/thoonk/internal/chaos/load"
	"github.com/thoonk-go/thoonk/internal/contract"
)

// checkFence is for feeds.
func (r *Run) checkFence(ctx context.Context) {}

// audit holds the ledgers against what is there.
func (r *Run) audit(h *ledger.History, lives map[string]audit.Life) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	v := r.verdict
	audit.Calls(v, h, lives)
	audit.Queue(v, h, load.Queue, lives, r.taken(ctx, h, lives))
	reply, err := r.System.Do(ctx, "GET", contract.Finishes.Of(load.Set))
	require.NoError(r.t, err)
	finishes, _ := strconv.ParseInt(text(reply), 10, 64)
	audit.Jobs(v, h, load.Set, finishes, v.Faults["server's clock jumps"] > 0)
}

// taken is what Redis still knows of the last takes of engines whose processes were killed (contract 7).
func (r *Run) taken(ctx context.Context, h *ledger.History, lives map[string]audit.Life) map[string]bool {
	bodies := map[string]bool{}
	for _, n := range h.Notes {
		if n.Do != "opened" || !lives[n.Process].Killed {
			continue
		}
		for _, k := range []contract.Key{contract.Taken, contract.TakenB} {
			reply, err := r.System.Do(ctx, "LRANGE", k.Of(load.Queue)+":"+n.IDs[0], "0", "-1")
			require.NoError(r.t, err)
			words := texts(reply)
			for i := 3; i < len(words); i += 2 { // number, whether it is all, then ids and items
				bodies[words[i]] = true
			}
		}
	}
	return bodies
}

func texts(reply any) (out []string) {
	list, _ := reply.([]any)
	for _, x := range list {
		out = append(out, text(x))
	}
	return out
}

func text(reply any) string {
	switch x := reply.(type) {
	case []byte:
		return string(x)
	case string:
		return x
	}
	return ""
}
