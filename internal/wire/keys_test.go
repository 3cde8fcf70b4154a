package wire_test

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Keyed commands declare a key each, in their order, in front of the one that never exists; its suffix may be empty.
func TestKeysOfCommands(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"lua/keyed.lua": {Data: []byte(`local reply, own = {}, 2
for i = 2, #ARGV do
  own = own + tonumber(ARGV[i])
  reply[i - 1] = ARGV[i] == '1' and KEYS[own] or #KEYS .. KEYS[#KEYS]
end
return reply`)}}
	keyed := wire.MustScript(files, wire.Script{Name: "test/keyed", Group: 1,
		Keys: []contract.Key{contract.IDs}, Own: []contract.Key{contract.Done}, Each: contract.Result})
	for _, cluster := range []bool{false, true} {
		r := onServer(t, redistest.Private(t, redisserver.Options{}), 5*time.Second, time.Minute)
		r.lane.Cluster = cluster
		result := "feed.result:" + r.name
		last := "5" + result + ":\r\n:"
		if cluster {
			last = "6" + contract.Moving.Of(r.name)
		}
		commands := []struct{ keyed, suffix, want string }{ // they go in one call
			{"0", "", last}, {"1", "a", result + ":a"}, {"1", "", result + ":"}, {"0", "b", last}, {"1", "\r\n:", result + ":\r\n:"},
		}
		var calls []call
		for _, one := range commands {
			c := noting(keyed, one.keyed)
			c.Keyed, c.Suffix = one.keyed == "1", one.suffix
			calls = append(calls, c)
			r.Add(c)
		}
		pump(t, r.Outbox)
		for i, one := range commands {
			got, err := answer(t, calls[i])
			require.NoError(t, err)
			assert.Equal(t, one.want, got, "cluster %v, command %d", cluster, i)
		}
	}
}

// A refusal of a script's keys names also those that its commands add.
func TestRefusedKeysOfCommands(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"lua/keyed.lua": {Data: []byte(`return {1}`)}}
	keyed := wire.MustScript(files, wire.Script{Name: "test/keyed", Group: 1, Keys: []contract.Key{contract.IDs}, Each: contract.Result})
	lane, _ := fake(replies("-NOPERM this user has no permissions to access one of the keys used as arguments\r\n"))
	o := newOutbox("n", lane, time.Minute)
	c := wire.NewCall(keyed, 1, wire.NewArgs(1, 1).String("w"), wire.Worst)
	o.Add(c)
	pump(t, o)
	_, err := c.Wait(t.Context(), nil)
	assert.ErrorContains(t, err, "(script test/keyed with ~feed.ids:* ~feed.result:*)")
}
