package topology

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

var errGone = errors.New("gone")

// node is a node of a cluster, or a sentinel, that says what it is made to say.
type node struct {
	gone    bool
	epoch   int
	down    bool     // the cluster is, it says
	primary []string // addresses that it calls primaries: of equal parts of the slots, or of what sentinels watch
	others  []string // sentinels that it knows
	failing string   // it has a fail-over of that primary under way
	hangs   bool
}

func (n *node) answer(_ context.Context, args []string) any {
	switch fmt.Sprint(args[:2]) {
	case "[CLUSTER INFO]":
		state := "ok"
		if n.down {
			state = "fail"
		}
		return fmt.Sprintf("cluster_state:%s\r\ncluster_current_epoch:%d\r\n", state, n.epoch)
	case "[CLUSTER SLOTS]":
		var slots []any
		for i, p := range n.primary {
			host, port, _ := net.SplitHostPort(p)
			var number int
			_, _ = fmt.Sscan(port, &number)
			slots = append(slots, []any{i * slotCount / len(n.primary), (i+1)*slotCount/len(n.primary) - 1, []any{host, number, "id-" + p}})
		}
		return slots
	case "[CLUSTER LINKS]":
		return []any{}
	case "[SENTINEL GET-MASTER-ADDR-BY-NAME]":
		host, port, _ := net.SplitHostPort(n.primary[0])
		return []string{host, port}
	case "[SENTINEL MASTER]":
		flags, before := "master", n.primary[0]
		if n.failing != "" {
			flags, before = "master,failover_in_progress", n.failing
		}
		host, port, _ := net.SplitHostPort(before)
		return map[string]string{"config-epoch": fmt.Sprint(n.epoch), "flags": flags, "ip": host, "port": port}
	case "[SENTINEL SENTINELS]":
		list := []any{}
		for _, o := range n.others {
			host, port, _ := net.SplitHostPort(o)
			list = append(list, map[string]string{"ip": host, "port": port})
		}
		return list
	}
	return fmt.Errorf("unexpected %q", args)
}

// answering are askers of nodes by their addresses.
func answering(nodes map[string]*node) askers {
	as := askers{}
	for addr, n := range nodes {
		as[addr] = &asker{addr: addr, limit: 10 * time.Second, dial: func(ctx context.Context, _ string) (radix.Conn, error) {
			if n.hangs {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			if n.gone {
				return nil, errGone
			}
			return radix.NewStubConn("tcp", addr, func(ctx context.Context, args []string) any {
				if n.gone {
					return errGone
				}
				return n.answer(ctx, args)
			}), nil
		}}
	}
	return as
}

func still(at Endpoint) *Network {
	n := &Network{at: at, cfg: Config{Logger: zap.NewNop()}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// Whom a view is taken from when nodes do not agree.
func TestNodesDisagree(t *testing.T) {
	t.Parallel()
	before, after := []string{"a:1", "b:1", "c:1"}, []string{"a:1", "b:1", "d:1"}
	tests := map[string]struct {
		epoch int // that was known before
		nodes map[string]*node
		want  []string // none: the view stays
	}{
		"one was cut off": {epoch: 3, want: after, nodes: map[string]*node{
			"c:1": {epoch: 2, primary: before}, "a:1": {epoch: 3, primary: after}, "b:1": {epoch: 3, primary: after}, "d:1": {epoch: 3, primary: after}}},
		"only one that was cut off answers": {epoch: 3, nodes: map[string]*node{
			"c:1": {epoch: 2, primary: before}, "a:1": {gone: true}, "b:1": {gone: true}, "d:1": {gone: true}}},
		"one says that the cluster is down": {epoch: 3, want: after, nodes: map[string]*node{
			"c:1": {epoch: 3, primary: before, down: true}, "a:1": {epoch: 3, primary: after}, "b:1": {epoch: 3, primary: after}, "d:1": {epoch: 3, primary: after}}},
		"all nodes of the URL are gone": {epoch: 3, want: after, nodes: map[string]*node{
			"c:1": {gone: true}, "a:1": {gone: true}, "b:1": {gone: true}, "d:1": {epoch: 4, primary: after}}},
		"who told of the newest epoch is gone": {epoch: 4, want: before, nodes: map[string]*node{
			"c:1": {epoch: 3, primary: before}, "a:1": {epoch: 3, primary: before}, "b:1": {epoch: 3, primary: before}, "d:1": {gone: true}}},
		"the cluster was made anew": {epoch: 40, want: after, nodes: map[string]*node{
			"c:1": {gone: true}, "a:1": {epoch: 3, primary: after}, "b:1": {gone: true}, "d:1": {epoch: 3, primary: after}}},
		"a node has no slots, and knows of none": {epoch: 1, want: after, nodes: map[string]*node{
			"c:1": {epoch: 1}, "a:1": {epoch: 1, primary: after}, "b:1": {epoch: 1, primary: after}, "d:1": {epoch: 1, primary: after}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &nodes{n: still(Endpoint{Kind: Cluster, addrs: []string{"c:1"}}), addrs: []string{"c:1", "a:1", "b:1", "d:1"}, epoch: tc.epoch, askers: answering(tc.nodes)}
			t.Cleanup(s.close)
			v, err := s.look(t.Context(), "")
			if tc.want == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, v.primaries)
			assert.Contains(t, s.addrs, "c:1", "a node of the URL may come back")
		})
	}
}

// Which primary counts when sentinels do not agree.
func TestSentinelsDisagree(t *testing.T) {
	t.Parallel()
	says := func(primary string, epoch int, others ...string) *node {
		return &node{primary: []string{primary}, epoch: epoch, others: others}
	}
	tests := map[string]struct {
		epoch   int // that was known before
		x, y, z *node
		want    string // empty: the view stays
	}{
		"one was cut off":                        {epoch: 1, x: says("old:1", 1, "y:1", "z:1"), y: says("new:1", 2, "x:1", "z:1"), z: says("new:1", 2, "x:1", "y:1"), want: "new:1"},
		"one alone has heard of the fail-over":   {epoch: 1, x: says("new:1", 2, "y:1", "z:1"), y: says("old:1", 1, "x:1", "z:1"), z: says("old:1", 1, "x:1", "y:1"), want: "new:1"},
		"only one that was cut off answers":      {epoch: 2, x: says("old:1", 1, "y:1", "z:1"), y: &node{gone: true}, z: &node{gone: true}},
		"one that was cut off, and one anew":     {epoch: 5, x: says("old:1", 4, "y:1", "z:1"), y: says("old:1", 0), z: &node{gone: true}, want: "old:1"},
		"they were set up anew":                  {epoch: 5, x: says("new:1", 1, "y:1", "z:1"), y: says("new:1", 1, "x:1", "z:1"), z: &node{gone: true}, want: "new:1"},
		"they were set up anew and do not agree": {epoch: 5, x: says("new:1", 1, "y:1", "z:1"), y: says("old:1", 0, "x:1", "z:1"), z: &node{gone: true}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &sentinels{
				n: still(Endpoint{Kind: Sentinel, master: "m"}), addrs: []string{"x:1"}, epoch: tc.epoch,
				askers: answering(map[string]*node{"x:1": tc.x, "y:1": tc.y, "z:1": tc.z}),
			}
			t.Cleanup(s.close)
			s.addrs = []string{"x:1", "y:1", "z:1"}
			for range 3 { // answers come in any order
				v, err := s.look(t.Context(), "")
				if tc.want == "" {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, tc.want, v.owner(""))
			}
		})
	}
}

// While a fail-over is under way, of which one sentinel knows, they are asked again at once; not any more when it tells the
// successor, though it goes on with the other replicas.
func TestLookAgainDuringFailover(t *testing.T) {
	t.Parallel()
	x := &node{primary: []string{"a:1"}}
	s := &sentinels{
		n: still(Endpoint{Kind: Sentinel, master: "m"}), addrs: []string{"x:1", "y:1"},
		askers: answering(map[string]*node{"x:1": x, "y:1": {primary: []string{"a:1"}}}),
	}
	t.Cleanup(s.close)
	s.n.source, s.n.hints = s, make(chan string, 1)
	look := func(want string, again int) {
		t.Helper()
		v, err := s.look(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, want, v.owner(""))
		require.Len(t, s.n.hints, again)
	}
	look("a:1", 0)
	x.failing = "a:1"
	look("a:1", 1)
	<-s.n.hints
	x.primary, x.epoch = []string{"b:1"}, 1
	look("b:1", 0)
}

// One sentinel hangs, as those do that are behind a partition: the decision of the others does not wait for it, but whoever
// begins asks all that there are.
func TestSentinelHangs(t *testing.T) {
	t.Parallel()
	y := &node{primary: []string{"a:1"}, epoch: 1}
	s := &sentinels{
		n: still(Endpoint{Kind: Sentinel, master: "m"}), addrs: []string{"x:1", "y:1"},
		askers: answering(map[string]*node{"x:1": {hangs: true}, "y:1": y}),
	}
	t.Cleanup(s.close)
	s.n.source, s.n.hints = s, make(chan string, 1)
	s.askers["x:1"].limit = 100 * time.Millisecond
	v, err := s.look(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, s.n.hints, "it waited for the other one")
	s.n.view.Store(v)

	s.askers["x:1"].limit = time.Hour
	y.primary, y.epoch = []string{"b:1"}, 2
	v, err = s.look(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, "b:1", v.owner(""))
	require.Len(t, s.n.hints, 1, "the other one may know more")
}

// A batch that was on its way with a view that is over makes no connection that nobody would close.
func TestNoLinkToWhoWasLeft(t *testing.T) {
	t.Parallel()
	n := still(Endpoint{Kind: Sentinel})
	n.view.Store(single("b:1"))
	l := n.newLane()
	_, err := l.link("a:1")
	require.ErrorIs(t, err, errNobody)
	assert.Empty(t, l.links)
}

// Far from Redis a connection alone takes a second: whoever raises DialTimeout gives questions more time, too.
func TestAskFor(t *testing.T) {
	t.Parallel()
	for dial, want := range map[time.Duration]time.Duration{time.Millisecond: time.Second, 5 * time.Second: time.Second, 20 * time.Second: 4 * time.Second} {
		assert.Equal(t, want, (&Config{DialTimeout: dial}).askFor(), dial)
	}
}
