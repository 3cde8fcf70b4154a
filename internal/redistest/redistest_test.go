package redistest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDump(t *testing.T) {
	t.Parallel()
	target := Shared(t)
	peer, name := Client(t, target.URL()), Name(t)
	require.Empty(t, peer.Dump(name))

	peer.Do("SET", "feed.publishes:"+name, 3)
	peer.Do("RPUSH", "feed.ids:"+name, "b", "a\x00", "b")
	peer.Do("HSET", "feed.items:"+name, "b", "\r\n", "a", "")
	peer.Do("SADD", "feed.stalled:"+name, "y", "x")
	peer.Do("ZADD", "feed.claimed:"+name, 2.5, "q", 1, "r")
	peer.Do("SET", "feed.result:"+name+":id", "r")
	peer.Do("SET", "feed.ids:"+name+"x", "of another name")
	require.Equal(t, map[string]any{
		"feed.publishes:" + name:      "3",
		"feed.ids:" + name:            []string{"b", "a\x00", "b"},
		"feed.items:" + name:          map[string]string{"b": "\r\n", "a": ""},
		"feed.stalled:" + name:        []string{"x", "y"},
		"feed.claimed:" + name:        []Scored{{"r", 1}, {"q", 2.5}},
		"feed.result:" + name + ":id": "r",
	}, peer.Dump(name))
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	target := Shared(t)
	peer, name := Client(t, target.URL()), Name(t)
	rec := Record(t, target.URL(), "a:"+name, "b*:"+name)
	require.Empty(t, rec.Drain(t))

	require.EqualValues(t, 1, peer.Do("PUBLISH", "a:"+name, "1\x00x"))
	require.EqualValues(t, 1, peer.Do("PUBLISH", "b:"+name, "2"))
	require.ElementsMatch(t, []Message{ // the embedded server has no order among channels and patterns
		{Channel: "a:" + name, Payload: "1\x00x"},
		{Channel: "b:" + name, Payload: "2", Pattern: "b*:" + name},
	}, rec.Take(t, 2, defaultPatience))

	peer.Do("PUBLISH", "b:"+name, "3")
	require.Equal(t, "3", rec.Next(t).Payload)
	peer.Do("PUBLISH", "b:"+name, "4")
	require.Len(t, rec.Drain(t), 1)
	require.Empty(t, rec.Drain(t))
}
