package engine_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// With the right authority every connection of an engine is encrypted: those of
// commands, of messages, and of blocking pops. The server tells which ports they use.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	srv := ca.serve("127.0.0.1", time.Now().Add(time.Hour), "yes", "")
	eng := open(t, engine.Config{
		URL: "rediss://127.0.0.1:" + srv.tlsPort,
		TLS: &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{ca.client()}},
	})
	ctx := t.Context()

	news, err := eng.Feed(ctx, redistest.Name(t), feed.Config{})
	require.NoError(t, err)
	sub, err := news.Follow(ctx, feed.FollowOptions{})
	require.NoError(t, err)
	large := make([]byte, 3<<20) // many TLS records
	require.NoError(t, news.PublishAs(ctx, "large", large))
	e, err := sub.Next(ctx)
	require.NoError(t, err)
	assert.Equal(t, large, e.Body)

	mail, err := eng.Queue(ctx, redistest.Name(t), queue.Config{})
	require.NoError(t, err)
	got := make(chan queue.Item, 1)
	go func() {
		it, err := mail.Get(ctx)
		assert.NoError(t, err)
		got <- it
	}()
	redistest.Eventually(t, func() bool { return eng.Stats().Waker.Names == 1 }, "the getter waits")
	_, err = mail.Put(ctx, []byte("letter"))
	require.NoError(t, err)
	assert.Equal(t, "letter", string((<-got).Body))

	thumbs, err := eng.Jobs(ctx, redistest.Name(t), job.Config{})
	require.NoError(t, err)
	require.NoError(t, eng.Handle(ctx, thumbs, func(_ context.Context, c *job.Claim) ([]byte, error) {
		return append(c.Body, '!'), nil
	}, pool.Options{}))
	id, err := thumbs.Put(ctx, []byte("done"))
	require.NoError(t, err)
	result, err := thumbs.Wait(ctx, id)
	require.NoError(t, err)
	assert.Equal(t, "done!", string(result))

	clients := redistest.Client(t, srv.URL()).String("CLIENT", "LIST")
	assert.NotContains(t, clients, fmt.Sprintf("laddr=127.0.0.1:%d ", srv.Port()))
	assert.Contains(t, clients, "laddr=127.0.0.1:"+srv.tlsPort+" ")
}

// A server that cannot prove who it is gets no command, and no password. Each error
// of Open says what is wrong.
func TestTLSRefused(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	inAnHour := time.Now().Add(time.Hour)
	right := ca.serve("127.0.0.1", inAnHour, "no", "s3cret")
	other := ca.serve("redis.example", inAnHour, "no", "")
	expired := ca.serve("127.0.0.1", time.Now().Add(-time.Minute), "no", "")
	mutual := ca.serve("127.0.0.1", inAnHour, "yes", "")
	trusting := func(a *authority) *tls.Config { return &tls.Config{RootCAs: a.pool()} }
	showing := func(a *authority) *tls.Config {
		return &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{a.client()}}
	}
	tests := map[string]struct {
		url  string
		tls  *tls.Config
		says []string
		as   any
	}{
		"unknown authority": {"rediss://:s3cret@127.0.0.1:" + right.tlsPort, trusting(stranger),
			[]string{"TLS handshake with 127.0.0.1:" + right.tlsPort, "unknown authority"}, new(x509.UnknownAuthorityError)},
		"system's roots": {"rediss://:s3cret@127.0.0.1:" + right.tlsPort, nil,
			[]string{"TLS handshake", "certificate"}, new(*tls.CertificateVerificationError)},
		"wrong host": {"rediss://127.0.0.1:" + other.tlsPort, trusting(ca),
			[]string{"TLS handshake", "127.0.0.1"}, new(x509.HostnameError)},
		"wrong host name": {"rediss://localhost:" + other.tlsPort, trusting(ca),
			[]string{"TLS handshake", "redis.example, not localhost"}, new(x509.HostnameError)},
		"expired": {"rediss://127.0.0.1:" + expired.tlsPort, trusting(ca),
			[]string{"TLS handshake", "expired"}, new(x509.CertificateInvalidError)},
		"no client certificate": {"rediss://127.0.0.1:" + mutual.tlsPort, trusting(ca),
			[]string{"client certificate"}, nil},
		"client certificate of a stranger": {"rediss://127.0.0.1:" + mutual.tlsPort, showing(stranger),
			[]string{"client certificate"}, nil},
		"plain to a TLS port": {"redis://:s3cret@127.0.0.1:" + right.tlsPort, nil,
			[]string{"expect TLS", "rediss"}, nil},
		"TLS to a plain port": {fmt.Sprintf("rediss://:s3cret@127.0.0.1:%d", right.Port()), trusting(ca),
			[]string{"TLS handshake", "does the port speak TLS?"}, nil},
		"wrong password": {"rediss://:wr0ng@127.0.0.1:" + right.tlsPort, trusting(ca), []string{"WRONGPASS"}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := time.Minute
			if name == "TLS to a plain port" { // which waits for more of what it takes for a command
				limit = 2 * time.Second
			}
			begun := time.Now()
			_, err := engine.Open(context.Background(), engine.Config{URL: tc.url, TLS: tc.tls, DialTimeout: limit})
			require.ErrorIs(t, err, engine.ErrNotSent)
			for _, s := range tc.says {
				assert.ErrorContains(t, err, s)
			}
			if tc.as != nil {
				assert.ErrorAs(t, err, tc.as)
			}
			assert.NotContains(t, err.Error(), "s3cret")
			assert.NotContains(t, err.Error(), "wr0ng")
			assert.Less(t, time.Since(begun), 20*time.Second, "it is told, or DialTimeout is over")
		})
	}
	t.Run("name from the configuration", func(t *testing.T) {
		t.Parallel()
		eng := open(t, engine.Config{
			URL: "rediss://127.0.0.1:" + other.tlsPort, TLS: &tls.Config{RootCAs: ca.pool(), ServerName: "redis.example"},
		})
		_, err := eng.Feed(t.Context(), redistest.Name(t), feed.Config{})
		assert.NoError(t, err)
	})
}
