package pubsubhub

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/require"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// firehose is a Redis that confirms everything and then writes what it is given: the hub alone is measured, with its
// parsing and its subscribers, over a unix socket.
func firehose(b *testing.B) (*Hub, func(block []byte)) {
	path := filepath.Join(b.TempDir(), "s")
	l, err := net.Listen("unix", path)
	require.NoError(b, err)
	conns := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			p := &peer{Conn: c, br: bufio.NewReader(c)}
			for {
				words, err := p.read()
				if err != nil {
					return
				}
				for _, name := range words[1:] {
					_, _ = io.WriteString(c, "*3\r\n"+bulk(words[0])+bulk(name)+":1\r\n")
				}
			}
		}()
		conns <- c
	}()
	h := New(Config{Dial: func(ctx context.Context) (radix.Conn, error) { return radix.Dial(ctx, "unix", path) }})
	b.Cleanup(func() {
		_ = h.Close()
		_ = l.Close()
	})
	var c net.Conn
	return h, func(block []byte) {
		if c == nil {
			c = <-conns
			b.Cleanup(func() { _ = c.Close() })
		}
		_, err := c.Write(block)
		require.NoError(b, err)
	}
}

// One message to n subscribers; an operation is a message that all of them have read.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		for _, take := range []int{1, 64} {
			b.Run(fmt.Sprintf("subscribers=%d/take=%d", n, take), func(b *testing.B) {
				const window = 2048 // messages written and not yet read by all
				h, write := firehose(b)
				var left atomic.Int64
				done := make(chan struct{}, 1)
				for range n {
					s := follow(b, h, Options{Channels: []string{"news"}, Mailbox: window})
					go consume(s, take, &left, done)
				}
				message := rawMessage("news", strings.Repeat("x", 100))
				block := []byte(strings.Repeat(message, window))
				b.ReportAllocs()
				b.ResetTimer()
				for sent := 0; sent < b.N; {
					k := min(window, b.N-sent)
					left.Store(int64(k * n))
					write(block[:k*len(message)])
					<-done
					sent += k
				}
				b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "deliveries/s")
				require.Zero(b, h.Stats().Dropped)
			})
		}
	}
}

func consume(s *Subscription, take int, left *atomic.Int64, done chan<- struct{}) {
	ctx := context.Background()
	into := make([]Event, take)
	for {
		n := 1
		var err error
		if take == 1 {
			into[0], err = s.Next(ctx)
		} else {
			n, err = s.NextBatch(ctx, into)
		}
		if err != nil {
			return
		}
		if left.Add(-int64(n)) == 0 {
			done <- struct{}{}
		}
	}
}

// From PUBLISH on one connection to Next, on a real server, one at a time.
func BenchmarkLatency(b *testing.B) {
	target := redistest.Shared(b)
	peer := redistest.Client(b, target.URL())
	name := redistest.Name(b)
	h := onRedis(b, target, Config{})
	s := follow(b, h, Options{Channels: []string{name}})
	b.ReportAllocs()
	for b.Loop() {
		peer.Send("PUBLISH", name, "x")
		_, err := s.Next(b.Context())
		require.NoError(b, err)
		_, err = peer.Receive()
		require.NoError(b, err)
	}
}

func BenchmarkSubscribeClose(b *testing.B) {
	target := redistest.Shared(b)
	name := redistest.Name(b)
	h := onRedis(b, target, Config{})
	follow(b, h, Options{Channels: []string{name}})
	for _, own := range []bool{false, true} {
		b.Run(fmt.Sprintf("newname=%v", own), func(b *testing.B) {
			opts := Options{Channels: []string{name}}
			if own {
				opts.Channels[0] += "x"
			}
			b.ReportAllocs()
			for b.Loop() {
				s, err := h.Subscribe(b.Context(), opts)
				require.NoError(b, err)
				_ = s.Close()
			}
		})
	}
}
