// Package redistest holds the fixtures of our tests: a Redis to talk to, a peer that talks to it, a recorder of
// messages, and a proxy that breaks connections.
//
//	func TestMain(m *testing.M) { redistest.Main(m) }
//
//	func TestPublish(t *testing.T) {
//		t.Parallel()
//		target := redistest.Shared(t)
//		name := redistest.Name(t)
//		peer := redistest.Client(t, target.URL())
//		rec := redistest.Record(t, target.URL(), "feed.publish:"+name)
//		… act …
//		require.Equal(t, want, peer.Dump(name))
//		require.Len(t, rec.Drain(t), 1)
//	}
//
// # Which server
//
// Each test binary has one server, started at its first use: the one at REDIS_URL if that is set, else a private
// redis-server, else the embedded one. Tests share it, run in parallel, keep to their own names and never flush.
// Tests that need more than the embedded server has say so with [Target.NeedReal]; tests that kill or pause theirs take
// one of their own with [Private]. Without a redis-server both kinds are skipped and named at the end; with CI set in
// the environment they fail.
//
// # No sleeping
//
// "It happened" is [Recorder.Next] or [Eventually]. "It did not happen" is [Recorder.Drain], which reads up to a marker
// that was published behind everything else. The proxy's faults return channels that close when the fault has struck.
package redistest
