package redistest

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

// endpoint is what a URL says: where to connect and what to send first.
type endpoint struct {
	url           string
	network, addr string
	user, pass    string
	db            string // empty for the default
	tls           bool
	cluster       bool
}

// parseURL understands redis://user:pass@host:port/db, rediss://… and unix://user:pass@/path?db=n.
func parseURL(s string) (endpoint, error) {
	scheme, rest, _ := strings.Cut(s, "://")
	switch scheme {
	case "redis+cluster":
		at, hosts, ok := strings.Cut(rest, "@")
		if !ok {
			at, hosts = "", rest
		} else {
			at += "@"
		}
		first, _, _ := strings.Cut(hosts, ",")
		ep, err := parseURL("redis://" + at + first) // the others are found through it
		ep.url, ep.cluster = s, true
		return ep, err
	case "redis+sentinel":
		return primaryOf(rest)
	}
	u, err := url.Parse(s)
	if err != nil {
		return endpoint{}, err
	}
	ep := endpoint{url: s, user: u.User.Username()}
	ep.pass, _ = u.User.Password()
	switch u.Scheme {
	case "redis", "rediss":
		ep.network, ep.addr, ep.tls = "tcp", u.Host, u.Scheme == "rediss"
		if u.Port() == "" {
			ep.addr = net.JoinHostPort(u.Hostname(), "6379")
		}
		ep.db = strings.Trim(u.Path, "/")
	case "unix":
		ep.network, ep.addr = "unix", u.Path
		ep.db = u.Query().Get("db")
	default:
		return endpoint{}, fmt.Errorf("%q: want redis://, rediss:// or unix://", u.Redacted())
	}
	return ep, nil
}

// primaryOf asks the first of the sentinels in [user:pass@]host:port,…/name[?db=n].
func primaryOf(rest string) (endpoint, error) {
	at, hosts, ok := strings.Cut(rest, "@")
	if !ok {
		at, hosts = "", rest
	} else {
		at += "@"
	}
	hosts, name, _ := strings.Cut(hosts, "/")
	name, query, _ := strings.Cut(name, "?")
	first, _, _ := strings.Cut(hosts, ",")
	conn, err := net.DialTimeout("tcp", first, dialTimeout)
	if err != nil {
		return endpoint{}, err
	}
	defer conn.Close()
	n := &node{conn, bufio.NewReader(conn)}
	replies, err := n.exchange([][]any{{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name}})
	if err != nil {
		return endpoint{}, err
	}
	addr, _ := replies[0].([]any)
	if len(addr) != 2 {
		return endpoint{}, fmt.Errorf("the sentinel answers %v", replies[0])
	}
	return parseURL("redis://" + at + net.JoinHostPort(fmt.Sprint(addr[0]), fmt.Sprint(addr[1])) + "/" + strings.TrimPrefix(query, "db="))
}

// at is the URL of the same server reached through another address: the proxy's.
func (ep endpoint) at(network, addr string) string {
	u, _ := url.Parse(ep.url) // it was parsed before
	if network == "unix" {
		u.Path = addr
	} else {
		u.Scheme, u.Host = "redis", addr
	}
	return u.String()
}

func mustParse(t testing.TB, url string) endpoint {
	t.Helper()
	ep, err := parseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return ep
}

const dialTimeout = 10 * time.Second

func (ep endpoint) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	if ep.tls {
		return new(tls.Dialer).DialContext(ctx, ep.network, ep.addr)
	}
	return new(net.Dialer).DialContext(ctx, ep.network, ep.addr)
}
