package topology

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := map[string]Endpoint{
		"redis://h": {network: "tcp", addrs: []string{"h:6379"}},
		"rediss://u:p%40@[::1]:7/3": {
			network: "tcp", addrs: []string{"[::1]:7"}, tls: true, user: "u", password: "p@", db: 3},
		"unix:///a%40b":          {network: "unix", addrs: []string{"/a@b"}},
		"unix://:p@/s.sock?db=2": {network: "unix", addrs: []string{"/s.sock"}, password: "p", db: 2},
		"redis+sentinel://a:1,b,[::1]:3/the-one?db=4": {
			Kind: Sentinel, network: "tcp", addrs: []string{"a:1", "b:26379", "[::1]:3"}, master: "the-one", db: 4},
		"rediss+sentinel://u:p%2C@a/m?sentinel_user=su&sentinel_password=s%26p": {
			Kind: Sentinel, network: "tcp", addrs: []string{"a:26379"}, tls: true, user: "u", password: "p,", master: "m",
			sentinelUser: "su", sentinelPassword: "s&p"},
		"redis+cluster://a,b:2": {Kind: Cluster, network: "tcp", addrs: []string{"a:6379", "b:2"}},
		"rediss+cluster://u:p%40@a:1/": {
			Kind: Cluster, network: "tcp", addrs: []string{"a:1"}, tls: true, user: "u", password: "p@"},
	}
	for url, want := range tests {
		got, err := Parse(url)
		require.NoError(t, err, url)
		assert.Equal(t, want, got, url)
	}
}

func TestRedacted(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"redis://u:secret@h/3":               "redis://u:xxxxx@h/3",
		"rediss://secret@h:1":                "rediss://xxxxx@h:1",
		"redis://h":                          "redis://h",
		"unix://:secret@/s.sock?db=2":        "unix://:xxxxx@/s.sock?db=2",
		"redis+cluster://u:secret@a,[::1]:2": "redis+cluster://u:xxxxx@a,[::1]:2",
		"redis+sentinel://u:secret@a:1,b/m?sentinel_password=secret&db=4": "redis+sentinel://u:xxxxx@a:1,b/m?db=4&sentinel_password=xxxxx",
		"rediss+sentinel://secret@a/m":                                    "rediss+sentinel://xxxxx@a/m",
		"redis+cluster://u:1/secret@a,b":                                  "(invalid)",
		"redis+other://u:secret@a":                                        "(invalid)",
		"redis://sec:ret@@h":                                              "redis://xxxxx@h",
		"redis://sec@ret:1@h":                                             "redis://xxxxx@h",
	}
	for url, want := range tests {
		assert.Equal(t, want, Redacted(url), url)
	}
}

// Whatever a URL looks like: the part of it that is the password, whole or cut in two by a character that should have been
// escaped, is in no error, and not in the URL as it is shown.
func FuzzURL(f *testing.F) {
	for _, s := range [][3]string{
		{"redis://:", "", "@localhost:6379/0"}, {"redis://user:", "", "@localhost"}, {"rediss://:", "", "@h/one"}, {"unix://:", "", "@/path?db=1"},
		{"unix://:", "", "@/path?db=x"}, {"redis://user:12/", "", "@host/0"}, {"redis://user:12?", "", "@host/0"}, {"redis://user:12#", "", "@host/0"},
		{"redis://12/", "", "@host"}, {"redis://:a@b", "", "@host/0"}, {"redis://u:%zz", "", "@host"}, {"redis://u:\x00", "", "@h"}, {"u:", "", "@h:6379"},
		{":", "", "@h"}, {"//u:", "", "@h"}, {"redis:u:", "", "@h"}, {"redis://u:", " ", "@h"}, {"http://u:", "", "@h"}, {"redis://u:", "", "@h?x=y"},
		{"redis+cluster://u:", "", "@a,b:2"}, {"redis+cluster://u:12/", "", "@a,b"}, {"redis+cluster://a:1,u:", "", "@b,c"}, {"rediss+cluster://", "", "@a:x"},
		{"redis+sentinel://:", "", "@a:1,b/m?db=2"}, {"redis+sentinel://a/m?sentinel_password=", "", "@x"}, {"redis+sentinel://u:12#", "", "@a/m"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, before, middle, after string) {
		// Only where a password can be: behind "user:" and in front of an @.
		if !strings.Contains(before, ":") || !strings.HasPrefix(after, "@") {
			return
		}
		// In front of a colon, with a password behind it, it is a user, whom everybody may see.
		_, user, _ := strings.Cut(before, "//")
		behind := middle + after[:strings.LastIndexByte(after, '@')]
		if name, password, _ := strings.Cut(user+behind, ":"); len(name) >= len(user) && password != "" && !strings.Contains(user+behind, "@") {
			return
		}
		const secret = "5ecre7"
		url := before + secret + middle + after
		_, err := Parse(url)
		for _, text := range []string{fmt.Sprint(err), Redacted(url)} {
			if strings.Contains(strings.ToLower(text), secret) {
				t.Errorf("%q: %s", url, text)
			}
		}
	})
}
