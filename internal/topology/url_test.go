package topology

import (
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
