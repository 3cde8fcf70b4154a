package engine_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/engine"
)

// What listens is not Redis, and claims what would take much memory or end the process if it was believed: Open says that
// it cannot use it.
func TestNotRedis(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"$-5\r\n", "$9223372036854775807\r\n", "*9223372036854775807\r\n", "*2\r\n", strings.Repeat("*1\r\n", 1<<20), "HTTP/1.1 400 Bad Request\r\n\r\n",
	} {
		t.Run(fmt.Sprintf("%.20q", answer), func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			var serving sync.WaitGroup
			serving.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					serving.Go(func() {
						defer c.Close()
						for buf := make([]byte, 1<<10); err == nil; {
							if _, err = c.Read(buf); err == nil {
								_, err = c.Write([]byte(answer))
							}
						}
					})
				}
			})
			t.Cleanup(func() {
				_ = l.Close()
				serving.Wait()
			})
			_, err = engine.Open(t.Context(), engine.Config{URL: "redis://" + l.Addr().String(), DialTimeout: time.Second, Timeout: time.Second})
			require.Error(t, err)
		})
	}
}
