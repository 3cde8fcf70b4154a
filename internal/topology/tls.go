package topology

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// A tlsDialer dials, and shakes hands before anything else is sent.
type tlsDialer struct {
	plain  *net.Dialer
	config *tls.Config
}

func newTLSDialer(plain *net.Dialer, config *tls.Config) *tlsDialer {
	config = config.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &tlsDialer{plain, config}
}

// DialContext returns once the server's certificate is verified.
func (d *tlsDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.plain.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	// A server that does not speak TLS waits for the end of a command. The context of
	// the dial may end at the same time as this: leave a moment to say what was waited for.
	ctx, cancel := context.WithTimeout(ctx, d.plain.Timeout-d.plain.Timeout/10)
	defer cancel()
	secure := tls.Client(conn, d.naming(addr))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: does the port speak TLS?", err)
		}
		return nil, fmt.Errorf("TLS handshake with %s: %w", addr, err)
	}
	return secure, nil
}

// naming is the configuration with a name for the certificate: that of the host that is dialled, unless it has one.
func (d *tlsDialer) naming(addr string) *tls.Config {
	if d.config.ServerName != "" {
		return d.config
	}
	config := d.config.Clone()
	config.ServerName = addr
	if host, _, err := net.SplitHostPort(addr); err == nil {
		config.ServerName = host
	}
	return config
}

// hint adds to the error of the first commands what it may mean that the server
// ended the connection instead of answering.
func (e Endpoint) hint(err error) error {
	if e.tls && strings.Contains(err.Error(), "remote error: tls:") { // of a handshake that the server ended after we had
		return fmt.Errorf("%w: the server wants a client certificate, or another one", err)
	}
	ended := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.HasSuffix(err.Error(), "closed") // how radix says that it had noticed the end before it could write
	switch {
	case !ended || e.network != "tcp":
		return err
	case e.tls:
		return fmt.Errorf("%w: the server ended the connection: does it ask for a client certificate?", err)
	default:
		return fmt.Errorf("%w: the server ended the connection: does it expect TLS, and the URL should begin with rediss?", err)
	}
}
