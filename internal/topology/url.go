package topology

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A Kind is how a URL's servers belong together.
type Kind int

// The kinds.
const (
	Single Kind = iota // one server
	Sentinel
	Cluster
)

// An Endpoint is what a URL says.
type Endpoint struct {
	Kind           Kind
	network        string
	addrs          []string // of the server, of sentinels, or of nodes
	tls            bool
	user, password string
	db             int

	master                         string // what the sentinels call it
	sentinelUser, sentinelPassword string
}

var (
	errUnparsable = errors.New("URL cannot be parsed")
	// errUnescaped: the password has one of these, and what follows would show the rest of it.
	errUnescaped = errors.New("URL has an @ behind the host: write /, ?, # and @ in a password, and @ in a path, as %2F, %3F, %23 and %40")
)

// Parse reads a URL. Its errors do not show passwords.
func Parse(raw string) (Endpoint, error) {
	if raw == "" {
		return Endpoint{}, errors.New("URL is empty")
	}
	scheme, _, _ := strings.Cut(raw, "://")
	base, kind, plural := strings.Cut(scheme, "+")
	if plural && (base == "redis" || base == "rediss") {
		switch kind {
		case "sentinel":
			return parseMany(Endpoint{Kind: Sentinel, tls: base == "rediss"}, raw, "26379")
		case "cluster":
			return parseMany(Endpoint{Kind: Cluster, tls: base == "rediss"}, raw, "6379")
		}
	}
	return parseOne(raw)
}

func parseOne(raw string) (Endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The error of url.Parse would show the password.
		return Endpoint{}, errUnparsable
	}
	behind := u.RawQuery + u.Fragment
	if u.Scheme == "unix" {
		behind += u.EscapedPath() // a path may have one, if it is written as %40
	} else {
		behind += u.Path
	}
	if strings.Contains(behind, "@") {
		return Endpoint{}, errUnescaped
	}
	e := Endpoint{network: "tcp", user: u.User.Username()}
	e.password, _ = u.User.Password()
	db := strings.TrimPrefix(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
		e.tls = u.Scheme == "rediss"
		if u.Hostname() == "" {
			return e, fmt.Errorf("URL with the scheme %s needs a host", u.Scheme)
		}
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		e.addrs = []string{net.JoinHostPort(u.Hostname(), port)}
	case "unix":
		if u.Host != "" || u.Path == "" {
			return e, errors.New("URL with the scheme unix needs an absolute path: unix:///path/of/socket")
		}
		e.network, e.addrs, db = "unix", []string{u.Path}, ""
	default:
		return e, fmt.Errorf("URL has the scheme %q; known are redis, rediss and unix, redis+sentinel, rediss+sentinel, redis+cluster and rediss+cluster", u.Scheme)
	}
	for k, v := range u.Query() {
		if k != "db" || db != "" {
			return e, fmt.Errorf("URL has the parameter %q; known is db, unless it is in the path", k)
		}
		db = v[0]
	}
	return e, e.setDB(db)
}

func (e *Endpoint) setDB(db string) (err error) {
	if db == "" {
		return nil
	}
	if e.db, err = strconv.Atoi(db); err != nil || e.db < 0 {
		return fmt.Errorf("URL has the database %q, which is no number", db)
	}
	return nil
}

// parseMany reads [user:password@]host[:port],host[:port]…[/master][?…], which url.Parse does not take for its list of
// hosts.
func parseMany(e Endpoint, raw, port string) (Endpoint, error) {
	e.network = "tcp"
	one, hosts := withOneHost(raw)
	u, err := url.Parse(one)
	if err != nil {
		return e, errUnparsable
	}
	if strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return e, errUnescaped
	}
	if u.Fragment != "" {
		return e, errUnparsable
	}
	e.user = u.User.Username()
	e.password, _ = u.User.Password()
	for host := range strings.SplitSeq(hosts, ",") {
		one, err := url.Parse("redis://" + host)
		if err != nil || one.Hostname() == "" || one.Path != "" {
			return e, fmt.Errorf("URL with the scheme %s needs a list of hosts: host:port,host:port", u.Scheme)
		}
		p := one.Port()
		if p == "" {
			p = port
		}
		e.addrs = append(e.addrs, net.JoinHostPort(one.Hostname(), p))
	}
	if e.Kind == Cluster {
		return e, e.clusterOnly(u)
	}
	return e, e.sentinelOnly(u)
}

// withOneHost is the URL with a host in place of its list of hosts, which is returned too.
func withOneHost(raw string) (one, hosts string) {
	scheme, rest, _ := strings.Cut(raw, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	begin := strings.LastIndexByte(rest[:end], '@') + 1
	return scheme + "://" + rest[:begin] + "host" + rest[end:], rest[begin:end]
}

func (e *Endpoint) clusterOnly(u *url.URL) error {
	if strings.TrimPrefix(u.Path, "/") != "" || u.RawQuery != "" {
		return errors.New("URL of a cluster has a path or parameters; a cluster has no databases")
	}
	return nil
}

func (e *Endpoint) sentinelOnly(u *url.URL) error {
	if e.master = strings.TrimPrefix(u.Path, "/"); e.master == "" {
		return errors.New("URL of sentinels needs the name that they give to the primary: redis+sentinel://host:port,host:port/name")
	}
	for k, v := range u.Query() {
		switch k {
		case "db":
			if err := e.setDB(v[0]); err != nil {
				return err
			}
		case "sentinel_user":
			e.sentinelUser = v[0]
		case "sentinel_password":
			e.sentinelPassword = v[0]
		default:
			return fmt.Errorf("URL has the parameter %q; known are db, sentinel_user and sentinel_password", k)
		}
	}
	return nil
}

// Redacted is the URL as it may be shown: without its passwords, or not at all if it is none that could be used.
func Redacted(raw string) string {
	const invalid = "(invalid)"
	e, err := Parse(raw)
	if err != nil {
		return invalid
	}
	hosts := ""
	if e.Kind != Single {
		raw, hosts = withOneHost(raw)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return invalid
	}
	if hosts != "" {
		u.Host = hosts
	}
	if p, _ := u.User.Password(); u.User != nil && (p == "" || strings.Contains(u.User.Username()+p, "@")) {
		u.User = url.User("xxxxx") // of a password, as likely as not, or a part of one that is not escaped
	}
	if e.sentinelPassword != "" {
		q := u.Query()
		q.Set("sentinel_password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}
