package pubsubhub

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/require"
)

// fake is a Redis whose every byte the test decides. It runs inside a synctest bubble: time is fake, and "nothing
// happened" is known when everybody waits.
type fake struct {
	t      *testing.T
	hub    *Hub
	peers  chan *peer  // connections, as they are dialled
	probes chan string // channels that were published to

	mu       sync.Mutex
	down     error // what Dial returns
	noProbes error // what Publish returns
	dials    []time.Time
}

// inBubble runs a test against a hub on a fake Redis. With ProbeAfter set, the hub has a Publish that delivers nothing.
func inBubble(t *testing.T, cfg Config, test func(t *testing.T, f *fake)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{t: t, peers: make(chan *peer, 100), probes: make(chan string, 100)}
		cfg.Dial = f.dial
		if cfg.ProbeAfter > 0 {
			cfg.Publish = f.publish
		}
		f.hub = New(cfg)
		defer func() {
			require.NoError(t, f.hub.Close())
			for len(f.peers) > 0 {
				(<-f.peers).Close()
			}
		}()
		test(t, f)
	})
}

func (f *fake) dial(ctx context.Context) (radix.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials = append(f.dials, time.Now())
	if f.down != nil {
		return nil, f.down
	}
	return radix.Dialer{NetDialer: f}.Dial(ctx, "pipe", "fake")
}

func (f *fake) publish(_ context.Context, channel, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.probes <- channel
	return f.noProbes
}

// fail sets what Dial and Publish return.
func (f *fake) fail(dial, publish error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down, f.noProbes = dial, publish
}

// waits are the times between attempts to dial.
func (f *fake) waits() (all []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 1; i < len(f.dials); i++ {
		all = append(all, f.dials[i].Sub(f.dials[i-1]))
	}
	return all
}

// DialContext makes the fake a radix.Dialer.NetDialer.
func (f *fake) DialContext(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	f.peers <- &peer{Conn: far, t: f.t, br: bufio.NewReader(far)}
	return near, nil
}

// subscribe starts to subscribe; the result says how it ended.
func (f *fake) subscribe(ctx context.Context, opts Options) *pending {
	p := &pending{t: f.t, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.sub, p.err = f.hub.Subscribe(ctx, opts)
	}()
	return p
}

type pending struct {
	t    *testing.T
	done chan struct{}
	sub  *Subscription
	err  error
}

func (p *pending) waits() {
	p.t.Helper()
	synctest.Wait()
	select {
	case <-p.done:
		require.Fail(p.t, "Subscribe returned too early", "%v", p.err)
	default:
	}
}

func (p *pending) ok() *Subscription {
	p.t.Helper()
	<-p.done
	require.NoError(p.t, p.err)
	return p.sub
}

func (p *pending) fails() error {
	p.t.Helper()
	<-p.done
	require.Error(p.t, p.err)
	require.Nil(p.t, p.sub)
	return p.err
}

// peer is the far end of one connection.
type peer struct {
	net.Conn
	t  *testing.T
	br *bufio.Reader
}

// command reads what the hub sends next, as words.
func (p *peer) command() []string {
	p.t.Helper()
	words, err := p.read()
	require.NoError(p.t, err)
	return words
}

func (p *peer) read() ([]string, error) {
	n, err := p.count('*')
	words := make([]string, n)
	for i := range words {
		var size int
		if size, err = p.count('$'); err != nil {
			break
		}
		b := make([]byte, size+2)
		if _, err = io.ReadFull(p.br, b); err != nil {
			break
		}
		words[i] = string(b[:size])
	}
	return words, err
}

func (p *peer) count(kind byte) (int, error) {
	line, err := p.br.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, errors.New("not " + string(kind) + ": " + line)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

// expect reads a command and checks it. On a new connection the order of its names is any.
func (p *peer) expect(want ...string) (words []string) {
	p.t.Helper()
	words = p.command()
	require.Equal(p.t, want[0], words[0])
	require.ElementsMatch(p.t, want, words)
	return words
}

// confirm is expect, and confirms all names in their order.
func (p *peer) confirm(want ...string) {
	p.t.Helper()
	p.confirmed(p.expect(want...)...)
}

func (p *peer) confirmed(words ...string) {
	p.t.Helper()
	for i, name := range words[1:] {
		p.send(fmt.Sprintf("*3\r\n$%d\r\n%s\r\n%s:%d\r\n", len(words[0]), words[0], bulk(name), i+1))
	}
}

func (p *peer) refuse(want ...string) {
	p.t.Helper()
	p.expect(want...)
	p.send("-NOPERM this user has no permissions\r\n")
}

func (p *peer) send(raw string) {
	p.t.Helper()
	_, err := io.WriteString(p, raw)
	require.NoError(p.t, err)
}

func (p *peer) message(channel string, payloads ...string) {
	p.t.Helper()
	var all strings.Builder
	for _, payload := range payloads {
		all.WriteString(rawMessage(channel, payload))
	}
	p.send(all.String())
}

// ends waits until the hub closes the connection.
func (p *peer) ends() {
	p.t.Helper()
	for {
		if _, err := p.read(); err != nil {
			require.ErrorIs(p.t, err, io.EOF)
			return
		}
	}
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func rawMessage(channel, payload string) string {
	return "*3\r\n" + bulk("message") + bulk(channel) + bulk(payload)
}

func rawPMessage(pattern, channel, payload string) string {
	return "*4\r\n" + bulk("pmessage") + bulk(pattern) + bulk(channel) + bulk(payload)
}

// next returns what is queued, as short words: a payload, "lagged 3", "reconnected 0".
func next(t *testing.T, s *Subscription, n int) []string {
	t.Helper()
	var got []string
	for range n {
		e, err := s.Next(t.Context())
		require.NoError(t, err)
		if e.Lost() {
			got = append(got, fmt.Sprint(e.Kind, " ", e.Missed))
		} else {
			got = append(got, string(e.Payload))
		}
	}
	return got
}

func names(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s%05d", prefix, i)
	}
	return all
}
