package topology

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// radixAt has radix's own client of sentinels ask the given one. By itself it dials one of those that it knows, which the order
// of a map chooses, and keeps to it as long as the connection lasts.
func radixAt(t *testing.T, sentinel *redisserver.Server) *radix.Sentinel {
	t.Helper()
	dial := func(ctx context.Context, network, _ string) (radix.Conn, error) {
		return radix.Dialer{}.Dial(ctx, network, sentinel.HostPort())
	}
	cfg := radix.SentinelConfig{SentinelDialer: radix.Dialer{CustomConn: dial}}
	c, err := cfg.New(t.Context(), redisserver.MasterName, []string{sentinel.HostPort()})
	require.NoError(t, err)
	return c
}

// A count is a client that writes numbers to a list of its name, one after the other.
type count struct {
	name string
	do   func(context.Context, radix.Action) error
	left time.Time // when the new primary has got one that the old one has not
}

func (c *count) goOn(ctx context.Context) {
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		_ = c.do(ctx, radix.Cmd(nil, "RPUSH", c.name, strconv.Itoa(i)))
		<-pace.C
	}
}

func (c *count) at(t *testing.T, srv *redisserver.Server) (list []string) {
	t.Helper()
	require.NoError(t, srv.Do(t.Context(), &list, "LRANGE", c.name, "0", "-1"))
	return list
}

// TestOneSentinelIsWrong: a primary is cut off with a sentinel, which goes on telling it. Writers leave it all the same when the
// other sentinels have replaced it, and do not come back. How long radix's own client takes is logged beside: it asks one
// sentinel, every five seconds, and goes on at the old primary if that is the one.
func TestOneSentinelIsWrong(t *testing.T) {
	t.Parallel()
	s := redistest.PrivateSentinel(t, redisserver.SentinelOptions{Replicas: 1, Partitions: true})
	old, now, wrong := s.Servers()[0], s.Servers()[1], s.Sentinels()[0]
	at, err := Parse(s.URL())
	require.NoError(t, err)
	cfg := Config{At: at, Connections: 1, DialTimeout: time.Second, Timeout: 5 * time.Second, Logger: zap.NewNop()}
	n, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	defer n.Close()
	misled, informed := radixAt(t, wrong), radixAt(t, s.Sentinels()[1])
	defer misled.Close()
	defer informed.Close()
	ours := &count{name: "ours", do: n.Do}
	theirs := &count{name: "radix, asking the sentinel that is cut off", do: misled.Do}
	asks := &count{name: "radix, asking another", do: informed.Do}
	all := []*count{ours, theirs, asks}

	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	defer writers.Wait()
	defer stop()
	for _, c := range all {
		writers.Go(func() { c.goOn(ctx) })
	}
	redistest.Eventually(t, func() bool {
		return !slices.ContainsFunc(all, func(c *count) bool { return len(c.at(t, now)) == 0 })
	}, "all write, and the replica has it")

	s.Isolate(old, wrong)
	_, err = s.Successor(t.Context(), old)
	require.NoError(t, err)
	decided := time.Now()
	before := map[*count]int{}
	for _, c := range all {
		before[c] = len(c.at(t, now))
	}
	redistest.Eventually(t, func() bool {
		for _, c := range all {
			if c.left.IsZero() && len(c.at(t, now)) > before[c] {
				c.left = time.Now()
			}
		}
		return !ours.left.IsZero() && !asks.left.IsZero()
	}, "ours leaves the old primary, and so does who asks another sentinel")
	stop()
	writers.Wait()
	ended := time.Now()

	var told []string
	require.NoError(t, wrong.Do(t.Context(), &told, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", redisserver.MasterName))
	require.Equal(t, old.HostPort(), net.JoinHostPort(told[0], told[1]))
	for _, c := range all {
		there := c.at(t, now)
		lost := slices.DeleteFunc(c.at(t, old), func(n string) bool { return slices.Contains(there, n) })
		if c.left.IsZero() {
			t.Logf("%s: still there %v after the decision; %d of its writes will be lost", c.name, ended.Sub(decided), len(lost))
		} else {
			t.Logf("%s: left %v after the decision; %d of its writes will be lost", c.name, c.left.Sub(decided), len(lost))
		}
		if c != ours {
			continue
		}
		last, err := strconv.Atoi(lost[len(lost)-1])
		require.NoError(t, err)
		first, err := strconv.Atoi(there[before[c]])
		require.NoError(t, err)
		require.Greater(t, first, last, "it does not go back")
		require.Less(t, c.left.Sub(decided), 5*lookEvery)
	}
}
