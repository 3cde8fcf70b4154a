package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// listener is the node that an engine is told the messages by.
func listener(t *testing.T, c *redisserver.Cluster) *redisserver.Server {
	t.Helper()
	for _, n := range c.Nodes() {
		var list string
		require.NoError(t, n.Do(t.Context(), &list, "CLIENT", "LIST", "TYPE", "pubsub"))
		if list != "" {
			return n
		}
	}
	require.Fail(t, "nobody follows")
	return nil
}

// TestBrokenLink: only the link between two healthy nodes breaks. What one published meanwhile does not arrive at the other;
// no node is replaced, no connection of ours notices. Followers are told nevertheless, and what is there follows.
func TestBrokenLink(t *testing.T) {
	t.Parallel()
	c := redistest.PrivateCluster(t, redisserver.ClusterOptions{NodeTimeout: unhurried, Replicas: -1, Partitions: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e := open(t, engine.Config{URL: c.URL()})
	news := map[*redisserver.Server]*feed.Feed{} // one at each node
	for i := 0; len(news) < 3; i++ {
		name := fmt.Sprintf("news-%d", i)
		owner, err := c.OwnerOf(ctx, "feed.ids:{"+name+"}")
		require.NoError(t, err)
		if news[owner] == nil {
			news[owner], err = e.Feed(ctx, name, feed.Config{})
			require.NoError(t, err)
		}
	}
	var sender *redisserver.Server
	var sub *feed.Subscription
	for _, sender = range c.Nodes() {
		var err error
		sub, err = news[sender].Follow(ctx, feed.FollowOptions{Snapshot: true})
		require.NoError(t, err)
		if listener(t, c) != sender {
			break
		}
		require.NoError(t, sub.Close())
	}
	copied := map[string]bool{}
	lagged := 0
	until := func(cond func() bool) {
		t.Helper()
		for !cond() {
			e, err := sub.Next(ctx)
			require.NoError(t, err, "has %v, was told %d times", copied, lagged)
			switch e.Kind {
			case feed.Lagged:
				clear(copied)
				lagged++
			case feed.Snapshot, feed.Published:
				copied[e.ID] = true
			}
		}
	}
	publish := func(id string) { require.NoError(t, news[sender].PublishAs(ctx, id, []byte(id))) }
	publish("before")
	until(func() bool { return copied["before"] })
	assert.Zero(t, lagged)

	c.Unlink(sender, listener(t, c))
	publish("meanwhile")
	until(func() bool { return lagged > 0 })
	c.Rejoin()
	until(func() bool { return copied["before"] && copied["meanwhile"] })
	publish("after")
	until(func() bool { return copied["before"] && copied["meanwhile"] && copied["after"] })
}
