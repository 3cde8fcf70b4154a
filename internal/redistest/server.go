package redistest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/internal/redisserver"
)

// Target is a Redis to test against.
type Target struct {
	endpoint
	embedded bool
	version  string
	topology string
}

// URL is what a client is configured with.
func (t *Target) URL() string { return t.url }

// Addr is where the server listens, as arguments for net.Dial. Password and database are in the URL only.
func (t *Target) Addr() (network, addr string) { return t.network, t.addr }

// Embedded reports whether this is the in-process server, which lacks some of Redis' commands.
func (t *Target) Embedded() bool { return t.embedded }

// Version is the private server's, for example "7.0.15"; empty for the one at REDIS_URL and the embedded one.
func (t *Target) Version() string { return t.version }

// NeedReal skips the test on the embedded server; with CI set it fails.
func (t *Target) NeedReal(tb testing.TB) {
	tb.Helper()
	if t.embedded {
		skip(tb, redisserver.ErrNotFound)
	}
}

// Cluster reports whether this is a cluster.
func (t *Target) Cluster() bool { return t.cluster }

// NeedSingle skips the test unless this is a single server, and says why; with THOONK_TOPOLOGY unset it is one.
func (t *Target) NeedSingle(tb testing.TB, why string) {
	tb.Helper()
	if t.topology != "" {
		skipTopology(tb, t.topology, why)
	}
}

// NeedUnclustered is NeedSingle for tests that can have sentinels.
func (t *Target) NeedUnclustered(tb testing.TB, why string) {
	tb.Helper()
	if t.cluster {
		skipTopology(tb, t.topology, why)
	}
}

// Shared returns the one server of this test binary, started at first use: the one at REDIS_URL if that is set, else a
// private redis-server, else the embedded one. Without a redis-server the test fails if CI is set.
func Shared(t testing.TB) *Target {
	t.Helper()
	target, err := shared.get()
	if err != nil {
		t.Fatalf("the shared Redis: %v", err)
	}
	return target
}

// Private starts a redis-server of the test's own, to kill, pause and restart, and stops it when the test ends.
// Without a redis-server the test is skipped; with CI set it fails. REDIS_URL has no influence. With THOONK_TOPOLOGY set the
// test is skipped, and so are those with a PrivateCluster or a PrivateSentinel: they are the same without it.
func Private(t testing.TB, opts redisserver.Options) *redisserver.Server {
	t.Helper()
	needOwn(t)
	srv, err := redisserver.Start(t.Context(), opts)
	own(t, srv, err)
	return srv
}

// Name returns a name for a feed that nobody else uses: the test's, with anything that means something in a key, a
// pattern or a hash tag replaced, and a random end.
func Name(t testing.TB) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, t.Name())
	const longest = 100 // well inside the limit on names
	if len(clean) > longest {
		clean = clean[len(clean)-longest:]
	}
	return clean + "-" + randomHex(6)
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

var shared sharedServer

// sharedServer is the test binary's server.
type sharedServer struct {
	mu      sync.Mutex
	tried   bool
	target  *Target
	err     error
	release func() error
}

func (s *sharedServer) get() (*Target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tried {
		s.tried = true
		s.target, s.release, s.err = startShared()
	}
	return s.target, s.err
}

func (s *sharedServer) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.release == nil {
		return nil
	}
	release := s.release
	s.release = nil
	return release()
}

func startShared() (*Target, func() error, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		ep, err := parseURL(url)
		if err != nil {
			return nil, nil, fmt.Errorf("REDIS_URL: %w", err)
		}
		say("using the server at REDIS_URL (%s %s)", ep.network, ep.addr)
		return &Target{endpoint: ep}, nil, nil
	}

	if topology := os.Getenv("THOONK_TOPOLOGY"); topology != "" {
		return startTopology(topology)
	}
	srv, err := redisserver.Start(context.Background(), redisserver.Options{})
	switch {
	case err == nil:
		say("using a private redis-server %s", srv.Version())
		ep, err := parseURL(srv.URL())
		stop := srv.Stop
		if err == nil && os.Getenv("THOONK_AUDIT") == "keys" {
			var a *auditor
			if a, err = audit(ep); err == nil {
				stop = func() error { return errors.Join(a.close(), srv.Stop()) }
			}
		}
		return &Target{endpoint: ep, version: srv.Version()}, stop, err
	case !errors.Is(err, redisserver.ErrNotFound):
		return nil, nil, err
	case os.Getenv("CI") != "":
		return nil, nil, fmt.Errorf("CI is set: %w", err)
	}

	emb, err := embedded.Start()
	if err != nil {
		return nil, nil, err
	}
	say("no redis-server on PATH: using the embedded server; tests that need a real one are skipped and listed at the end")
	ep, err := parseURL(emb.URL())
	return &Target{endpoint: ep, embedded: true}, emb.Close, err
}
