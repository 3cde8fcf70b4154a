package pubsubhub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReconnected(t *testing.T) {
	for name, cut := range map[string]func(p *peer){
		"cut": func(p *peer) { p.Close() },
		"cut inside a message": func(p *peer) {
			p.send("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$100\r\nhalf")
			p.Close()
		},
		"garbage": func(p *peer) {
			p.send("HTTP/1.1 400 Bad Request\r\n")
			p.ends()
		},
		"an error out of the blue": func(p *peer) {
			p.send("-ERR max number of clients reached\r\n")
			p.ends()
		},
		"a confirmation out of the blue": func(p *peer) {
			p.confirmed("subscribe", "z")
			p.ends()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{}, func(t *testing.T, f *fake) {
				sub := f.subscribe(t.Context(), Options{Channels: []string{"a", "b"}})
				p := <-f.peers
				p.confirm("subscribe", "a", "b")
				p.message("a", "before")
				cut(p)
				p = <-f.peers
				words := p.expect("subscribe", "a", "b")
				// The event stands where the last name is confirmed: catching up before would leave a gap behind it.
				p.confirmed("subscribe", words[1])
				p.message(words[1], "lost")
				p.confirmed("subscribe", words[2])
				p.message("a", "after")
				require.Equal(t, []string{"before", "reconnected 0", "after"}, next(t, sub.ok(), 3))
				require.EqualValues(t, 1, f.hub.Stats().Reconnects)
			})
		})
	}
}

// A mailbox that nobody empties stays bounded however often the connection is replaced, and the gaps are one event.
func TestReconnectedWhileFull(t *testing.T) {
	inBubble(t, Config{Mailbox: 1}, func(t *testing.T, f *fake) {
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		for range 5 {
			p := <-f.peers
			p.confirm("subscribe", "a")
			p.message("a", "1", "2")
			p.Close()
		}
		p := <-f.peers
		p.confirm("subscribe", "a")
		s := sub.ok()
		synctest.Wait()
		require.Equal(t, []string{"1", "reconnected 9"}, next(t, s, 2))
		p.message("a", "3")
		require.Equal(t, []string{"3"}, next(t, s, 1))
	})
}

func TestResubscribeInGroups(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		all := names("c", 1300)
		sub := f.subscribe(t.Context(), Options{Channels: all})
		for range 3 {
			p := <-f.peers
			var seen []string
			for _, size := range []int{512, 512, 276} {
				words := p.command()
				require.Len(t, words, 1+size)
				seen = append(seen, words[1:]...)
				p.confirmed(words...)
			}
			slices.Sort(seen)
			require.Equal(t, all, seen)
			sub.ok()
			p.Close()
		}
		require.Equal(t, []string{"reconnected 0"}, next(t, sub.ok(), 1))
	})
}

// Names that joined and left during an outage: what is asked for afterwards is what is wanted then.
func TestChangesDuringOutage(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		a := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		p.confirm("subscribe", "a")
		f.fail(errDown, nil)
		b := f.subscribe(t.Context(), Options{Channels: []string{"a", "b"}})
		p.expect("subscribe", "b")
		p.Close()
		c := f.subscribe(t.Context(), Options{Patterns: []string{"c"}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, f.subscribe(ctx, Options{Channels: []string{"d"}}).fails(), errDown)
		require.NoError(t, a.ok().Close())
		b.waits()
		c.waits()
		f.fail(nil, nil)
		p = <-f.peers
		for range 2 {
			words := p.command()
			p.confirmed(words...)
			slices.Sort(words[1:])
			require.Contains(t, []string{"subscribe a b", "psubscribe c"}, strings.Join(words, " "))
		}
		b.ok()
		c.ok()
	})
}

func TestRefusedAfterReconnect(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		a := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		p.confirm("subscribe", "a")
		b := f.subscribe(t.Context(), Options{Channels: []string{"b"}})
		p.confirm("subscribe", "b")
		p.message("b", "1")
		a.ok()
		b.ok()
		p.Close()
		p = <-f.peers
		p.command()
		p.send("-NOPERM no\r\n")
		for range 2 {
			if words := p.command(); words[1] == "b" {
				p.send("-NOPERM no\r\n")
			} else {
				p.confirmed(words...)
			}
		}
		require.Equal(t, []string{"1"}, next(t, b.sub, 1))
		_, err := b.sub.Next(t.Context())
		require.ErrorIs(t, err, ErrRefused)
		require.Equal(t, []string{"reconnected 0"}, next(t, a.sub, 1))
	})
}

// Only NOPERM is about a name. Anything else is a server that cannot answer now.
func TestOtherErrorsAreOutages(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		for _, text := range []string{"BUSY a script runs", "LOADING", "ERR max number of clients reached"} {
			p := <-f.peers
			p.command()
			p.send("-" + text + "\r\n")
			p.ends()
		}
		(<-f.peers).confirm("subscribe", "a")
		sub.ok()
	})
}

func TestUnconfirmed(t *testing.T) {
	for name, answer := range map[string]func(p *peer){
		"accepts and answers nothing": func(p *peer) { p.command() },
		"takes nothing":               func(*peer) {},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{Timeout: 2 * time.Second}, func(t *testing.T, f *fake) {
				sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
				answer(<-f.peers)
				p := <-f.peers
				require.InDelta(t, 2*time.Second, f.waits()[0], float64(50*time.Millisecond))
				p.confirm("subscribe", "a")
				sub.ok()
			})
		})
	}
}

func TestLinger(t *testing.T) {
	inBubble(t, Config{Linger: time.Second}, func(t *testing.T, f *fake) {
		a := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		p.confirm("subscribe", "a")
		a.ok().Close()
		p.confirm("unsubscribe", "a")
		time.Sleep(500 * time.Millisecond) // fake time
		b := f.subscribe(t.Context(), Options{Channels: []string{"b"}})
		p.confirm("subscribe", "b")
		b.ok().Close()
		began := time.Now()
		p.ends()
		require.Equal(t, time.Second, time.Since(began))
		require.False(t, f.hub.Stats().Connected)
		c := f.subscribe(t.Context(), Options{Channels: []string{"c"}})
		(<-f.peers).confirm("subscribe", "c")
		c.ok()
		require.Zero(t, f.hub.Stats().Reconnects)
	})
}

// confirmWithProbe confirms two commands: the hub's own channel is followed by a command of its own.
func confirmWithProbe(p *peer, sub *pending) *Subscription {
	for range 2 {
		words := p.command()
		require.Len(p.t, words, 2)
		p.confirmed(words...)
	}
	return sub.ok()
}

func TestProbe(t *testing.T) {
	inBubble(t, Config{ProbeAfter: 5 * time.Second}, func(t *testing.T, f *fake) {
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		s := confirmWithProbe(p, sub)
		began := time.Now()
		for i := range 3 { // it arrives: all is well
			channel := <-f.probes
			require.True(t, strings.HasPrefix(channel, "feed.probe:"), channel)
			require.Equal(t, time.Duration(i+1)*5*time.Second, time.Since(began))
			p.message(channel, "probe")
		}
		time.Sleep(4 * time.Second) // fake time
		p.message("a", "1")         // any message will do
		synctest.Wait()
		time.Sleep(4 * time.Second)
		require.Equal(t, []string{"1"}, next(t, s, 1))
		require.Empty(t, f.probes)
		require.Equal(t, Stats{Connected: true, ProbesSent: 3, Messages: 1, Delivered: 1, Subscriptions: 1, Channels: 1}, f.hub.Stats())

		<-f.probes // it does not arrive: the connection is replaced
		p.ends()
		require.Equal(t, 27*time.Second, time.Since(began))
		p = <-f.peers
		for range 2 {
			p.confirmed(p.command()...)
		}
		require.Equal(t, []string{"reconnected 0"}, next(t, s, 1))
		require.Equal(t, []uint64{4, 1, 1}, []uint64{f.hub.Stats().ProbesSent, f.hub.Stats().ProbesFailed, f.hub.Stats().Reconnects})
	})
}

// A probe that could not be published says nothing about the connection. Another one follows soon, and later and later.
func TestProbeNotPublished(t *testing.T) {
	inBubble(t, Config{ProbeAfter: 5 * time.Second}, func(t *testing.T, f *fake) {
		f.fail(nil, errors.New("pool exhausted"))
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		s := confirmWithProbe(p, sub)
		for _, after := range []time.Duration{5, 1, 2, 4, 5, 5} {
			began := time.Now()
			<-f.probes
			require.Equal(t, after*time.Second, time.Since(began))
		}
		synctest.Wait()
		require.EqualValues(t, 6, f.hub.Stats().ProbesFailed)
		require.Zero(t, f.hub.Stats().Reconnects)
		p.message("a", "1")
		require.Equal(t, []string{"1"}, next(t, s, 1))
	})
}

// Without the right to follow the hub's own channel there are no probes; all else works.
func TestProbeRefused(t *testing.T) {
	inBubble(t, Config{ProbeAfter: 5 * time.Second}, func(t *testing.T, f *fake) {
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		for range 2 {
			if words := p.command(); words[1] == "a" {
				p.confirmed(words...)
			} else {
				p.send("-NOPERM no\r\n")
			}
		}
		s := sub.ok()
		time.Sleep(time.Minute) // fake time
		require.Empty(t, f.probes)
		p.message("a", "1")
		require.Equal(t, []string{"1"}, next(t, s, 1))
		s.Close()
		p.confirm("unsubscribe", "a")
	})
}
