package engine_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// An authority issues certificates for a test.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte // of the certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "thoonk test authority"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{t: t, cert: cert, key: key, pem: encodePEM("CERTIFICATE", der)}
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// pool is what a client needs to trust the authority.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue returns a certificate for a host name or an address, which ends at the given
// time, and its key, both in PEM.
func (a *authority) issue(host string, end time.Time) (cert, key []byte) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host},
		NotBefore: end.Add(-2 * time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	require.NoError(a.t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	require.NoError(a.t, err)
	return encodePEM("CERTIFICATE", der), encodePEM("EC PRIVATE KEY", keyDER)
}

// directory has what a server needs to show that it is host: cert.pem, key.pem and ca.pem.
func (a *authority) directory(host string, end time.Time) string {
	a.t.Helper()
	dir := a.t.TempDir()
	cert, key := a.issue(host, end)
	for name, content := range map[string][]byte{"cert.pem": cert, "key.pem": key, "ca.pem": a.pem} {
		require.NoError(a.t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return dir
}

// client is a certificate to show to a server that asks for one.
func (a *authority) client() tls.Certificate {
	a.t.Helper()
	pair, err := tls.X509KeyPair(a.issue("thoonk test client", time.Now().Add(time.Hour)))
	require.NoError(a.t, err)
	return pair
}

// A secureServer is a redis-server that speaks TLS on a port of 127.0.0.1, and
// plainly on another one.
type secureServer struct {
	*redisserver.Server
	tlsPort string
}

// serve starts one with a certificate for host. clients is "yes" if it demands
// certificates of clients.
func (a *authority) serve(host string, end time.Time, clients, password string) *secureServer {
	a.t.Helper()
	dir := a.directory(host, end)
	file := func(name string) string { return filepath.Join(dir, name) }
	port := freePort(a.t)
	return &secureServer{tlsPort: port, Server: redistest.Private(a.t, redisserver.Options{Port: -1, Password: password, Args: []string{
		"--tls-port", port, "--tls-cert-file", file("cert.pem"), "--tls-key-file", file("key.pem"),
		"--tls-ca-cert-file", file("ca.pem"), "--tls-auth-clients", clients,
	}})}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}
