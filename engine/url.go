package engine

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// An endpoint is what a URL says.
type endpoint struct {
	network, addr  string
	tls            bool
	host           string // for the certificate
	user, password string
	db             int
}

func parseURL(raw string) (endpoint, error) {
	if raw == "" {
		return endpoint{}, errors.New("URL is empty")
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The error of url.Parse would show the password.
		return endpoint{}, errors.New("URL cannot be parsed")
	}
	if u.Scheme != "unix" && strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		// The password has one of these and was not escaped: what follows would show the rest of it.
		return endpoint{}, errors.New("URL has an @ behind the host: write /, ?, # and @ in a password as %2F, %3F, %23 and %40")
	}
	e := endpoint{network: "tcp", host: u.Hostname(), user: u.User.Username()}
	e.password, _ = u.User.Password()
	db := strings.TrimPrefix(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
		e.tls = u.Scheme == "rediss"
		if e.host == "" {
			return e, fmt.Errorf("URL with the scheme %s needs a host", u.Scheme)
		}
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		e.addr = net.JoinHostPort(e.host, port)
	case "unix":
		if u.Host != "" || u.Path == "" {
			return e, errors.New("URL with the scheme unix needs an absolute path: unix:///path/of/socket")
		}
		e.network, e.addr, db = "unix", u.Path, ""
	default:
		return e, fmt.Errorf("URL has the scheme %q; known are redis, rediss and unix", u.Scheme)
	}
	for k, v := range u.Query() {
		if k != "db" || db != "" {
			return e, fmt.Errorf("URL has the parameter %q; known is db, unless it is in the path", k)
		}
		db = v[0]
	}
	if db != "" {
		if e.db, err = strconv.Atoi(db); err != nil || e.db < 0 {
			return e, fmt.Errorf("URL has the database %q, which is no number", db)
		}
	}
	return e, nil
}

// redacted is the URL as it may be shown: without the password, or not at all if it
// is none that could be used.
func redacted(raw string) string {
	u, err := url.Parse(raw)
	if _, invalid := parseURL(raw); err != nil || invalid != nil {
		return "(invalid)"
	}
	if _, ok := u.User.Password(); u.User != nil && !ok {
		u.User = url.User("xxxxx") // meant for a password, as likely as not
	}
	return u.Redacted()
}
