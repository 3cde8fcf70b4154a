package redisserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/require"
)

// TestSentinelPartition: the majority replaces a primary that is isolated with a sentinel. It goes on as a primary, and its
// sentinel goes on telling it, until they rejoin; then all agree, and it follows.
func TestSentinelPartition(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]Options{"plain": {Password: "secret"}, "TLS": {TLS: certificates(t)}} {
		t.Run(name, func(t *testing.T) {
			s := startSentinel(t, SentinelOptions{Replicas: 1, Partitions: true, Server: server})
			ctx := patience(t)
			old, replica, sentinels := s.Servers()[0], s.Servers()[1], s.Sentinels()
			require.NoError(t, old.Do(ctx, nil, "SET", "k", "before"))
			require.NoError(t, old.AwaitReplicas(ctx))

			s.Isolate(old, sentinels[0])
			began := time.Now()
			require.NoError(t, old.Do(ctx, nil, "SET", "k", "on the wrong side"))
			now, err := s.Successor(ctx, old)
			require.NoError(t, err)
			t.Logf("replaced after %v", time.Since(began))
			require.Same(t, replica, now)
			var value string
			require.NoError(t, now.Do(ctx, &value, "GET", "k"))
			require.Equal(t, "before", value)
			require.NoError(t, old.AwaitPrimary(ctx))
			require.NoError(t, through(ctx, old, "SET", "k", "by a client"))
			told, before, err := s.ask(ctx, sentinels[0])
			require.NoError(t, err)
			require.Same(t, old, told)
			for _, sentinel := range sentinels[1:] {
				require.NoError(t, poll(ctx, func() (bool, error) {
					told, after, err := s.ask(ctx, sentinel)
					return told == now && after > before, err
				}))
			}
			require.ErrorContains(t, sentinels[0].Do(ctx, nil, "SENTINEL", "CKQUORUM", MasterName), "NOQUORUM")

			s.Rejoin()
			began = time.Now()
			require.NoError(t, s.Healthy(ctx))
			t.Logf("all follow after %v", time.Since(began))
			for _, sentinel := range sentinels {
				told, _, err := s.ask(ctx, sentinel)
				require.NoError(t, err)
				require.Same(t, now, told)
			}
			require.NoError(t, old.Do(ctx, &value, "GET", "k"))
			require.Equal(t, "before", value)
			require.ErrorContains(t, through(ctx, old, "SET", "k", "by a client"), "READONLY")
		})
	}
}

// TestSentinelPartitionOver: a partition that is over before anybody is replaced leaves all as it was.
func TestSentinelPartitionOver(t *testing.T) {
	t.Parallel()
	s := startSentinel(t, SentinelOptions{Partitions: true, DownAfter: 20 * time.Second})
	ctx := patience(t)
	primary := s.Servers()[0]
	before, err := primary.info(ctx, "replication")
	require.NoError(t, err)
	s.Isolate(primary, s.Sentinels()[0])
	conn, err := radix.Dialer{}.Dial(ctx, "unix", primary.socket)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.Do(ctx, radix.Cmd(nil, "SET", "k", "meanwhile")))
	replicas := -1
	require.NoError(t, conn.Do(ctx, radix.Cmd(&replicas, "WAIT", "1", "300")))
	require.Zero(t, replicas)
	s.Rejoin()
	require.NoError(t, primary.AwaitReplicas(ctx))
	require.NoError(t, s.Healthy(ctx))
	now, err := s.Primary(ctx)
	require.NoError(t, err)
	require.Same(t, primary, now)
	after, err := primary.info(ctx, "replication")
	require.NoError(t, err)
	require.Equal(t, before["master_replid"], after["master_replid"])
	var value string
	require.NoError(t, s.Servers()[1].Do(ctx, &value, "GET", "k"))
	require.Equal(t, "meanwhile", value)
}

// through runs a command as a client does that was told where the server is.
func through(ctx context.Context, s *Server, cmd string, args ...string) error {
	d := radix.Dialer{AuthPass: s.opts.Password}
	if s.opts.TLS != "" {
		d.NetDialer = &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	}
	conn, err := d.Dial(ctx, "tcp", s.HostPort())
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Do(ctx, radix.Cmd(nil, cmd, args...))
}

// certificates is a directory for [Options.TLS], of somebody who vouches for himself.
func certificates(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
		"ca.pem":   {Type: "CERTIFICATE", Bytes: cert},
		"key.pem":  {Type: "EC PRIVATE KEY", Bytes: private},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	return dir
}
