package direct

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// An Endpoint is what a URL says.
type Endpoint struct {
	Network, Addr  string
	User, Password string
	DB             string // a number; empty for the default
	tls            *tls.Config
}

// Parse understands redis://[user:password@]host[:port][/db], rediss://… and unix://[user:password@]/path[?db=N]. Its
// errors never show a password.
func Parse(raw string) (Endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Endpoint{}, errors.New("the URL cannot be parsed")
	}
	e := Endpoint{Network: "tcp", User: u.User.Username(), DB: strings.Trim(u.Path, "/")}
	e.Password, _ = u.User.Password()
	switch u.Scheme {
	case "redis", "rediss":
		if u.Hostname() == "" {
			return e, fmt.Errorf("the URL has no host: want %s://host:port", u.Scheme)
		}
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		e.Addr = net.JoinHostPort(u.Hostname(), port)
		if u.Scheme == "rediss" {
			e.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
		}
	case "unix":
		if u.Host != "" || u.Path == "" {
			return e, errors.New("the URL has no absolute path: want unix:///path/of/socket")
		}
		e.Network, e.Addr, e.DB = "unix", u.Path, ""
	default:
		return e, fmt.Errorf("the URL has the scheme %q: want redis, rediss or unix", u.Scheme)
	}
	if db := u.Query().Get("db"); db != "" && e.DB == "" {
		e.DB = db
	}
	if n, err := strconv.Atoi(e.DB); e.DB != "" && (err != nil || n < 0) {
		return e, fmt.Errorf("the URL has the database %q: want a number", e.DB)
	}
	return e, nil
}

// DialContext makes a plain connection, with TLS if the URL asks for it. It fits radix.Dialer.NetDialer.
func (e Endpoint) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: 5 * time.Second}
	if e.tls == nil {
		return plain.DialContext(ctx, network, addr)
	}
	return (&tls.Dialer{NetDialer: plain, Config: e.tls}).DialContext(ctx, network, addr)
}
